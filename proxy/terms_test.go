package proxy

import (
	"io"
	"net/netip"
	"strings"
	"testing"
)

// renewed is the configuration of r with changes, as a reload hands it in: what only a start sets is missing.
func renewed(r *rig, change func(*Config)) Config {
	cfg := Config{Upstream: r.p.cfg.Upstream, Limits: r.p.cfg.Limits}
	hosts := map[string]string{}
	for k, v := range cfg.Upstream.Hosts {
		hosts[k] = v
	}
	cfg.Upstream.Hosts = hosts
	change(&cfg)
	return cfg
}

func TestRenewTakesEffectAndLosesNoConnection(t *testing.T) {
	r := newRig(t)
	raw, head := r.connect(plainHost + ":443") // a tunnel to the old origin, open over the change
	if !strings.HasPrefix(head, "HTTP/1.1 200") {
		t.Fatalf("CONNECT answered %q", head)
	}
	defer raw.Close()
	other := newOrigin(t, true)
	err := r.p.Renew(renewed(r, func(c *Config) {
		c.Upstream.Hosts[mixedHost] = other.addr()
		c.Upstream.Roots = append(r.origin.roots(), other.roots()...)
		c.Clients.Names = map[netip.Addr]string{netip.MustParseAddr("127.0.0.1"): "nas"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client(false).Get("https://" + mixedHost + "/x")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if got, want := len(other.received()), 1; resp.StatusCode != 200 || got != want {
		t.Errorf("status %d, the new origin got %d requests, want %d", resp.StatusCode, got, want)
	}
	if _, err := raw.Write([]byte{22}); err != nil {
		t.Errorf("the open tunnel: %v", err)
	}

	t.Run("a_fault_changes_nothing", func(t *testing.T) {
		if err := r.p.Renew(renewed(r, func(c *Config) { c.Clients.Allow = []string{"everybody"} })); err == nil {
			t.Error("no error")
		}
		if !r.p.Serves(netip.MustParseAddr("127.0.0.1")) {
			t.Error("loopback is no longer served")
		}
	})
	t.Run("clients_that_are_no_longer_allowed", func(t *testing.T) {
		if err := r.p.Renew(renewed(r, func(c *Config) { c.Clients.Allow = []string{"192.0.2.0/24"} })); err != nil {
			t.Fatal(err)
		}
		if r.p.Serves(netip.MustParseAddr("127.0.0.1")) {
			t.Error("loopback is still served")
		}
	})
}
