package dns

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestDigAndKdig(t *testing.T) {
	o := newOrigin(t)
	dot, doh, roots := o.secure(t)
	for _, tool := range []string{"dig", "kdig"} {
		t.Run(tool, func(t *testing.T) {
			path := installed(t, tool)
			for _, upstream := range []string{"udp://" + o.addr, dot, doh} {
				u := newUpstreams(t, UpstreamConfig{Resolvers: []string{upstream}, Roots: roots})
				_, addr := start(t, Config{Upstreams: u})
				host, port, _ := net.SplitHostPort(addr)
				at := []string{"@" + host, "-p", port, "+time=5", "+tries=1"}
				if tool == "kdig" {
					at = []string{"@" + host, "-p", port, "+time=5", "+retry=0"}
				}
				for _, test := range []struct{ args, want, not string }{
					{"+short plain.example A", "192.0.2.10", ""},
					{"+short +tcp plain.example AAAA", "2001:db8::10", ""},
					{"+short ruled.example A", "198.51.100.1", "192.0.2.66"},
					{"+short +tcp alias.example AAAA", "2001:db8:5::1", "2001:db8::66"},
					{"+dnssec ruled.example HTTPS", "NOERROR", "ipv4hint"},
					{"+short big.example TXT", "aaaaaaaa", ""}, // truncated, then over TCP
					{"gone.example A", "NXDOMAIN", ""},
					{"+noedns refused.example A", "NOERROR", "192.0.2.77"},
					{"+bufsize=4096 plain.example ANY +notcp", "RFC8482", ""},
				} {
					out := run(t, path, append(at, strings.Fields(test.args)...)...)
					if !strings.Contains(out, test.want) || test.not != "" && strings.Contains(out, test.not) || strings.Contains(strings.ToLower(out), "warning: ") && !strings.Contains(out, "truncated") {
						t.Errorf("%s %s:\n%s", upstream, test.args, out)
					}
				}
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	o := newOrigin(t)
	for _, network := range []string{"tcp", "udp"} {
		_, addr := start(t, Config{Upstreams: newUpstreams(t, UpstreamConfig{Resolvers: []string{o.addr}})})
		_, err := New(Config{Listen: []string{addr}, Upstreams: newUpstreams(t, UpstreamConfig{})})
		var fault *ListenError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), "the port is held by dns.test") || !strings.Contains(err.Error(), "scrim setup dns") {
			t.Errorf("%s: got %v", network, err)
		}
	}
	_, err := New(Config{Listen: []string{"192.0.2.1:53"}, Upstreams: newUpstreams(t, UpstreamConfig{})})
	if err == nil || !strings.Contains(err.Error(), "does not have the address") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"53", "host:53", ":http"} {
		if _, err := New(Config{Listen: []string{bad}, Upstreams: newUpstreams(t, UpstreamConfig{})}); err == nil || !strings.Contains(err.Error(), "listen.dns") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
	for _, name := range []string{"systemd-resolve", "dnsmasq", "unbound", "pihole-FTL", "AdGuardHome", "named"} {
		if holderFix(name) == "" {
			t.Errorf("no way out for %s", name)
		}
	}
}
