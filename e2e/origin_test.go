package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// authority signs whatever name an origin of a test is asked for: the internet's certificate authority.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM

	mu     sync.Mutex // guards leaves
	leaves map[string]*tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the internet's CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "internet-ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, file: file, leaves: map[string]*tls.Certificate{}}
}

func (a *authority) leaf(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.leaves[name]; ok {
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.leaves) + 2)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	a.leaves[name] = c
	return c, nil
}

func (a *authority) tls(protos ...string) *tls.Config {
	return &tls.Config{
		NextProtos: protos,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := hello.ServerName
			if name == "" {
				name = "nameless.example"
			}
			return a.leaf(name)
		},
	}
}

// arrived is one request as the origin received it.
type arrived struct {
	Proto, Method, Host, Target string
	Header                      http.Header
	Body                        []byte
	Cut                         bool // the connection ended before the content did
}

// origin is a server on the internet of a test: TLS with HTTP/1.1 and HTTP/2, or plain HTTP, as the client begins; any
// name; and it keeps what it receives.
type origin struct {
	addr string

	mu  sync.Mutex // guards got
	got []arrived
}

// newOrigin serves handler (nil: 200 and "{}") after the request has been kept.
func newOrigin(t *testing.T, ca *authority, handler http.Handler) *origin {
	t.Helper()
	o := &origin{}
	o.addr = serveTLS(t, ca, o.recording(handler))
	return o
}

func (o *origin) recording(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		o.mu.Lock()
		o.got = append(o.got, arrived{r.Proto, r.Method, r.Host, r.RequestURI, r.Header.Clone(), body, err != nil})
		o.mu.Unlock()
		if handler != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			handler.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{}")
	})
}

func (o *origin) all() []arrived {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]arrived(nil), o.got...)
}

func (o *origin) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = nil
}

func serveTLS(t *testing.T, ca *authority, handler http.Handler) string {
	t.Helper()
	ln := listen(t)
	serveOn(t, ln, ca, handler, nil)
	return ln.Addr().String()
}

// serveOn serves TLS and plain HTTP on one listener. raw, where not nil, takes the connections whose first bytes it
// recognises.
func serveOn(t *testing.T, ln net.Listener, ca *authority, handler http.Handler, raw func(net.Conn, *bufio.Reader) bool) {
	t.Helper()
	secure, plain := &handed{Listener: ln, conns: make(chan net.Conn)}, &handed{Listener: ln, conns: make(chan net.Conn)}
	quiet := log.New(io.Discard, "", 0)
	tlsSrv := &http.Server{Handler: handler, TLSConfig: ca.tls("h2", "http/1.1"), ErrorLog: quiet}
	plainSrv := &http.Server{Handler: handler, ErrorLog: quiet}
	go tlsSrv.ServeTLS(secure, "", "")
	go plainSrv.Serve(plain)
	go func() {
		defer close(secure.conns)
		defer close(plain.conns)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			first, err := r.Peek(1)
			taken := err == nil && raw != nil && raw(c, r)
			c.SetReadDeadline(time.Time{})
			switch {
			case taken:
			case err != nil:
				c.Close()
			case first[0] == 0x16: // a TLS handshake record (RFC 8446, section 5.1)
				secure.conns <- peeked{c, r}
			default:
				plain.conns <- peeked{c, r}
			}
		}
	}()
	t.Cleanup(func() { tlsSrv.Close(); plainSrv.Close() })
}

// handed is a listener whose connections somebody else accepted.
type handed struct {
	net.Listener
	conns chan net.Conn
}

func (h *handed) Accept() (net.Conn, error) {
	c, ok := <-h.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// rawOrigin keeps the bytes of each HTTP/1.1 connection as they came off the TLS (or plain) connection.
type rawOrigin struct {
	addr string

	mu  sync.Mutex // guards got
	got [][]byte
}

func newRawOrigin(t *testing.T, ca *authority) *rawOrigin {
	t.Helper()
	ln := listen(t)
	o := &rawOrigin{addr: ln.Addr().String()}
	var inner net.Listener = ln
	if ca != nil {
		inner = tls.NewListener(ln, ca.tls("http/1.1"))
	}
	go func() {
		for {
			c, err := inner.Accept()
			if err != nil {
				return
			}
			go o.serve(c)
		}
	}()
	return o
}

func (o *rawOrigin) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	var all bytes.Buffer
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		all.Write(buf[:n])
		if complete(all.Bytes()) || err != nil {
			break
		}
	}
	o.mu.Lock()
	o.got = append(o.got, bytes.Clone(all.Bytes()))
	o.mu.Unlock()
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}")
}

// complete reports whether raw holds a whole request with a Content-Length or without content.
func complete(raw []byte) bool {
	head, rest, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		return false
	}
	for _, line := range bytes.Split(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("content-length")) {
			want := 0
			for _, d := range bytes.TrimSpace(value) {
				want = want*10 + int(d-'0')
			}
			return len(rest) >= want
		}
	}
	return true
}

func (o *rawOrigin) last() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.got) == 0 {
		return nil
	}
	return o.got[len(o.got)-1]
}

func (o *rawOrigin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.got)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}
