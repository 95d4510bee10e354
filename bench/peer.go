package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
)

// runGoproxy is the first peer: goproxy with its own interception and a handler that decodes, changes and encodes
// the event with encoding/json and remembers the last thousand, tuned with a pool of 256 idle connections to the origin
// and a certificate cache. It is what one would write in an afternoon, at its best.
func runGoproxy(addr, origin, rootsFile, caFile string) error {
	ca, err := newPeerCA(caFile)
	if err != nil {
		return err
	}
	roots, err := os.ReadFile(rootsFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	p := goproxy.NewProxyHttpServer()
	p.Logger = log.New(io.Discard, "", 0)
	p.Tr = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConns: 256, MaxIdleConnsPerHost: 256,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, origin)
		},
	}
	p.CertStore = &certCache{m: map[string]*tls.Certificate{}}
	mitm := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(ca)}
	p.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) { return mitm, host })
	var mu sync.Mutex
	var kept [1000][]byte
	n := 0
	p.OnRequest().DoFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return r, goproxy.NewResponse(r, "text/plain", 502, "")
		}
		out, err := generalize(raw)
		if err != nil {
			return r, goproxy.NewResponse(r, "text/plain", 200, "")
		}
		mu.Lock()
		kept[n%len(kept)] = out
		n++
		mu.Unlock()
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(out)), int64(len(out))
		r.Header = http.Header{"Content-Type": r.Header["Content-Type"], "User-Agent": {"peer"}}
		return r, nil
	})
	return http.ListenAndServe(addr, p)
}

// generalize does to an event what the rules of the bench do, on maps.
func generalize(raw []byte) ([]byte, error) {
	var in map[string]any
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	props, _ := in["properties"].(map[string]any)
	duration, _ := props["duration"].(float64)
	played, _ := props["playbackTime"].(float64)
	edges := []float64{0, 900, 1500, 2100, 3000, 4500, 5700, 6900}
	write := []float64{480, 1320, 1680, 2640, 3660, 5220, 6180, 8280}
	length := write[0]
	for i, e := range edges {
		if duration >= e {
			length = write[i]
		}
	}
	factor := 1.0
	switch share := played / duration; {
	case share < 0.1:
		factor = 0.05
	case share < 0.5:
		factor = 0.3
	case share < 0.9:
		factor = 0.7
	}
	id := make([]byte, 24)
	rand.Read(id)
	for i := range id {
		id[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[int(id[i])%36]
	}
	return json.Marshal(map[string]any{
		"event": in["event"], "deviceIdentifier": string(id),
		"properties": map[string]any{"type": "video", "duration": length, "playbackTime": length * factor},
	})
}

type certCache struct {
	mu sync.Mutex
	m  map[string]*tls.Certificate
}

func (c *certCache) Fetch(host string, gen func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cert, ok := c.m[host]; ok {
		return cert, nil
	}
	cert, err := gen()
	if err == nil {
		c.m[host] = cert
	}
	return cert, err
}

func newPeerCA(file string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

// runSplice is the second peer: the least a tunnel can be. It answers CONNECT and lets the kernel copy.
func runSplice(addr, to string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func(c *net.TCPConn) {
			defer c.Close()
			buf := make([]byte, 4096)
			n := 0
			for !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
				k, err := c.Read(buf[n:])
				if err != nil {
					return
				}
				n += k
			}
			up, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer up.Close()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			done := make(chan struct{})
			go func() { io.Copy(up, c); up.(*net.TCPConn).CloseWrite(); close(done) }()
			io.Copy(c, up)
			c.CloseWrite()
			<-done
		}(c.(*net.TCPConn))
	}
}

// runForward is the bare splice forwarder behind a redirecting rule: it connects and lets the kernel copy.
func runForward(addr, to string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func(c *net.TCPConn) {
			defer c.Close()
			up, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer up.Close()
			done := make(chan struct{})
			go func() { io.Copy(up, c); up.(*net.TCPConn).CloseWrite(); close(done) }()
			io.Copy(c, up)
			c.CloseWrite()
			<-done
		}(c.(*net.TCPConn))
	}
}

// runSink serves the sink on addr.
func runSink(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	serveSink(ln)
	return nil
}
