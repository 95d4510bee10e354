package proxy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/scrimproxy/scrim/ledger"
)

// curl with OpenSSL refuses a certificate of TLS 1.3 by an alert in clear, others by an encrypted one.
func TestCurlThatRefusesOurCertificate(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	r := newRig(t)
	roots := filepath.Join(t.TempDir(), "origin.pem")
	if err := os.WriteFile(roots, r.origin.roots(), 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(host string) error {
		return exec.Command(curl, "-sS", "--max-time", "10", "--proxy", "http://"+r.door(), "--cacert", roots, "https://"+host+"/x").Run()
	}
	if err := get(mixedHost); err == nil {
		t.Fatal("curl took our certificate")
	}
	if c := r.counters(1); c.Pinned != 1 {
		t.Errorf("counters %+v", c)
	}
	if e := r.entries(ledger.Event); len(e) != 1 || e[0].Detail[:len(refusedUnknownCA)] != string(refusedUnknownCA) {
		t.Errorf("events %+v", e)
	}
	if err := get(mixedHost); err != nil {
		t.Errorf("the next attempt is not tunnelled: %v", err)
	}
	get(telemetryHost)
	r.counters(3)
	if err := get(telemetryHost); err == nil {
		t.Error("a telemetry host was reached")
	}
	if c := r.counters(4); c.Pinned != 2 || c.Refused != 1 || c.Tunnelled != 1 {
		t.Errorf("counters %+v", c)
	}
}
