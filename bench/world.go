package main

import (
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
	"time"
)

// world is the internet of a bench: one origin over TLS that reads what it gets and answers "{}".
type world struct {
	origin string // host:port
	sink   string // host:port of a plain TCP server for tunnels: sends as much as it is asked for
	caFile string
	close  func()
}

func newWorld(dir string) (*world, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, DNSNames: []string{"bench.example", "tunnel.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	w := &world{caFile: filepath.Join(dir, "internet.pem")}
	if err := os.WriteFile(w.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		rw.Header().Set("Content-Type", "application/json")
		io.WriteString(rw, "{}")
	})
	// HTTP/1.1 only, so that every proxy speaks the same to the origin: goproxy's transport does no HTTP/2.
	srv := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"http/1.1"},
	}}
	go srv.ServeTLS(ln, "", "")
	w.origin = ln.Addr().String()
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go serveSink(sink)
	w.sink = sink.Addr().String()
	w.close = func() { srv.Close(); sink.Close() }
	return w, nil
}

// serveSink answers each connection's eight-byte wish with that many bytes.
func serveSink(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var want [8]byte
			if _, err := io.ReadFull(c, want[:]); err != nil {
				return
			}
			n := int64(0)
			for _, b := range want {
				n = n<<8 | int64(b)
			}
			buf := make([]byte, 1<<20)
			for n > 0 {
				k := min(n, int64(len(buf)))
				if _, err := c.Write(buf[:k]); err != nil {
					return
				}
				n -= k
			}
		}()
	}
}
