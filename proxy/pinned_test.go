package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// shake tries a TLS handshake through the explicit door.
func (r *rig) shake(host string, change func(*tls.Config)) error {
	r.t.Helper()
	raw, head := r.connect(host + ":443")
	if !strings.HasPrefix(head, "HTTP/1.1 200") {
		r.t.Fatalf("CONNECT answered %q", head)
	}
	config := &tls.Config{RootCAs: r.roots(), ServerName: host}
	change(config)
	conn := tls.Client(raw, config)
	err := conn.Handshake()
	raw.Close()
	return err
}

func TestClientThatRefusesOurCertificate(t *testing.T) {
	onlyOrigins := func(r *rig) func(*tls.Config) {
		return func(c *tls.Config) {
			c.RootCAs = r.p.up().tls.RootCAs
		}
	}
	t.Run("mixed_host_is_tunnelled_next_time", func(t *testing.T) {
		r := newRig(t)
		if err := r.shake(mixedHost, onlyOrigins(r)); err == nil {
			t.Fatal("the client took our certificate")
		}
		r.counters(1)
		if err := r.shake(mixedHost, onlyOrigins(r)); err != nil {
			t.Errorf("second attempt: %v", err)
		}
		if c := r.counters(2); c.Pinned != 1 || c.Failed != 1 || c.Tunnelled != 1 {
			t.Errorf("counters %+v", c)
		}
		e := r.entries(ledger.Event)
		if len(e) != 1 || e[0].Reason != "pinned" || e[0].Host != mixedHost || !strings.Contains(e[0].Detail, "scrim ca export") || !strings.Contains(e[0].Detail, "certificate") {
			t.Errorf("events %+v", e)
		}
		r.p.ForgetPinned()
		if err := r.shake(mixedHost, func(*tls.Config) {}); err != nil {
			t.Errorf("with the authority installed: %v", err)
		}
	})
	t.Run("telemetry_host_is_refused_next_time", func(t *testing.T) {
		r := newRig(t)
		r.shake(telemetryHost, onlyOrigins(r))
		r.counters(1)
		if err := r.shake(telemetryHost, onlyOrigins(r)); err == nil || !strings.Contains(err.Error(), "access denied") {
			t.Errorf("second attempt: %v", err)
		}
		if c := r.counters(2); c.Refused != 1 {
			t.Errorf("counters %+v", c)
		}
		r.origin.nothing()
	})
	t.Run("tried_again_after_the_authority_is_installed", func(t *testing.T) {
		r := newRig(t)
		if err := r.shake(telemetryHost, onlyOrigins(r)); err == nil {
			t.Fatal("the client took our certificate")
		}
		r.counters(1)
		if err := r.shake(mixedHost, func(*tls.Config) {}); err != nil {
			t.Fatal(err)
		}
		var err error
		for range 100 { // our side of the handshake before ends a little after the client's
			if err = r.shake(telemetryHost, func(*tls.Config) {}); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("the client was not tried again: %v", err)
		}
	})
	t.Run("closed_without_alert", func(t *testing.T) {
		r := newRig(t)
		raw, _ := r.connect(telemetryHost + ":443")
		client, server := net.Pipe()
		go tls.Client(client, &tls.Config{ServerName: telemetryHost}).Handshake()
		hello := make([]byte, 4096)
		n, _ := server.Read(hello)
		raw.Write(hello[:n])
		io.ReadFull(raw, make([]byte, 500))
		raw.Close()
		server.Close()
		client.Close()
		if c := r.counters(1); c.Pinned != 1 {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("no_shared_protocol", func(t *testing.T) {
		r := newRig(t)
		if err := r.shake(telemetryHost, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS10 }); err == nil {
			t.Fatal("TLS 1.1 was served")
		}
		if c := r.counters(1); c.Pinned != 1 {
			t.Errorf("counters %+v", c)
		}
	})
}

func TestPinnedIsForgottenAfterATime(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newPinned(OnPinned{Telemetry: PinnedRefuse, Mixed: PinnedTunnel, Forget: time.Hour}, func() time.Time { return now })
	f := &Flow{}
	f.To.Host = "a"
	p.refused(f, refusedUnknownCA, [32]byte{1})
	if got := p.ask(f, [32]byte{1}); got != PinnedRefuse {
		t.Errorf("got %q", got)
	}
	now = now.Add(time.Hour)
	if got := p.ask(f, [32]byte{1}); got != "" {
		t.Errorf("after an hour: %q", got)
	}
	p.refused(f, refusedUnknownCA, [32]byte{1})
	if got := p.ask(f, [32]byte{2}); got != "" {
		t.Errorf("with another authority: %q", got)
	}
}
