package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// collector stands for all the vendors of the demo. It listens on loopback, and its certificate is its own root.
type collector struct {
	server   *http.Server
	listener net.Listener
	root     []byte // PEM
	done     chan struct{}

	mu   sync.Mutex // guards what follows
	came []arrival  // not yet taken
}

// arrival is one request that reached the collector.
type arrival struct {
	method, url, body string
}

// maxArrivalBytes bounds what is read of one request: those of the demo are far smaller.
const maxArrivalBytes = 64 << 10

func openCollector(hosts []string) (*collector, error) {
	cert, root, err := throwAway(hosts)
	if err != nil {
		return nil, fmt.Errorf("making the collector's certificate: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the collector: %w", err)
	}
	c := &collector{listener: listener, root: root, done: make(chan struct{})}
	c.server = &http.Server{
		Handler: http.HandlerFunc(c.take), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	go func() {
		defer close(c.done)
		c.server.ServeTLS(listener, "", "") // ends when close says so
	}()
	return c, nil
}

func (c *collector) take(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxArrivalBytes))
	if err != nil {
		return
	}
	c.mu.Lock()
	c.came = append(c.came, arrival{r.Method, "https://" + r.Host + r.URL.RequestURI(), strings.TrimSpace(string(text))})
	c.mu.Unlock()
	io.WriteString(w, "{}")
}

// arrivals hands over what came since it was last asked.
func (c *collector) arrivals() []arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	came := c.came
	c.came = nil
	return came
}

func (c *collector) close() {
	c.server.Close()
	<-c.done
}

// throwAway makes a certificate for a day that is its own root; its key is in memory only.
func throwAway(hosts []string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "scrim demo collector"}, DNSNames: hosts,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
