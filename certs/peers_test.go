package certs

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool skips the test where the peer is not installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func asPEM(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

func TestOpenSSLVerifiesTheChainAndItsConstraints(t *testing.T) {
	openssl := tool(t, "openssl")
	a := mustOpen(t, Config{Dir: t.TempDir()}, plexGroups())
	root := writeFile(t, "root.pem", a.RootPEM())
	good := mustLeaf(t, a, "analytics.plex.tv")
	by := a.state.Load().signer("analytics.plex.tv")
	middle := writeFile(t, "middle.pem", asPEM(by.cert.Raw))

	forged := func(template *x509.Certificate) []byte {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		made, err := sign(template, &by.pair)
		if err != nil {
			t.Fatal(err)
		}
		return made.cert.Raw
	}
	tests := []struct {
		name string
		der  []byte
		host string
		want string
	}{
		{"held name", good.Certificate[0], "analytics.plex.tv", ": OK"},
		{"wrong host", good.Certificate[0], "plex.tv", "hostname mismatch"},
		{"foreign name", forged(&x509.Certificate{DNSNames: []string{"bank.example"}}), "bank.example", "permitted subtree violation"},
		{"foreign name in CN", forged(&x509.Certificate{Subject: pkix.Name{CommonName: "bank.example"}}), "bank.example", "permitted subtree violation"},
		{"parent name", forged(&x509.Certificate{DNSNames: []string{"plex.tv"}}), "plex.tv", "permitted subtree violation"},
		{"address", forged(&x509.Certificate{DNSNames: []string{"analytics.plex.tv"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}), "analytics.plex.tv", "excluded subtree violation"},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			leaf := writeFile(t, "leaf.pem", asPEM(test.der))
			out, _ := exec.Command(openssl, "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", test.host,
				"-CAfile", root, "-untrusted", middle, leaf).CombinedOutput()
			if !strings.Contains(string(out), test.want) {
				t.Errorf("got %s, want %q", out, test.want)
			}
		})
	}
}

func TestOpenSSLReadsEveryExport(t *testing.T) {
	openssl := tool(t, "openssl")
	a := mustOpen(t, Config{Dir: t.TempDir()}, nil)
	for format, args := range map[string][]string{
		"pem": {"x509", "-inform", "pem"},
		"der": {"x509", "-inform", "der"},
		"p7b": {"pkcs7", "-inform", "der", "-print_certs"},
	} {
		data, err := a.Export(format)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(openssl, append(args, "-in", writeFile(t, "root", data))...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "BEGIN CERTIFICATE") {
			t.Errorf("%s: %v: %s", format, err, out)
		}
	}
	out, err := exec.Command(openssl, "x509", "-noout", "-fingerprint", "-sha256", "-in", writeFile(t, "root.pem", a.RootPEM())).Output()
	if err != nil || !strings.Contains(string(out), a.Fingerprint()) {
		t.Errorf("openssl says %s, we say %s", out, a.Fingerprint())
	}
	if _, err := a.Export("jks"); err == nil {
		t.Error("jks was taken")
	}
}

func TestCurlTrustsTheRoot(t *testing.T) {
	curl := tool(t, "curl")
	var big []string
	for i := range maxGroupHosts {
		big = append(big, "h"+strings.Repeat("x", 20)+string(rune('a'+i%26))+string(rune('a'+i/26))+".stats.example.org")
	}
	a := mustOpen(t, Config{Dir: t.TempDir()}, append(plexGroups(), Group{Name: "big", Hosts: big}))
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return a.Leaf(hello.ServerName) },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello " + r.Host)) })}
	go srv.Serve(l)
	defer srv.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	root := writeFile(t, "root.pem", a.RootPEM())
	get := func(host string) (string, error) {
		out, err := exec.Command(curl, "-sS", "--noproxy", "*", "--max-time", "10", "--cacert", root,
			"--resolve", host+":"+port+":127.0.0.1", "https://"+host+":"+port+"/").CombinedOutput()
		return string(out), err
	}
	for _, host := range []string{"analytics.plex.tv", "x.stats.example", big[0], big[499]} {
		if out, err := get(host); err != nil || out != "hello "+host+":"+port {
			t.Errorf("%s: %v: %s", host, err, out)
		}
	}
	if out, err := get("bank.example"); err == nil {
		t.Errorf("a name that no rule holds was served: %s", out)
	}
}
