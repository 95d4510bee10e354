//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// namesDoNotLeak asks the DNS door everything by which a client could find a way around: v4 and v6 are the addresses
// that it may tell.
func (l *lab) namesDoNotLeak(t *testing.T, v4, v6 string) {
	dig := func(args ...string) string {
		out, _, _ := l.in(l.client, nil, "dig", append([]string{"+time=3", "+tries=1", "+noall", "+answer", "+additional", "+comments"}, args...)...)
		return out
	}
	for _, server := range []string{"@" + router4, "@" + router6} {
		for _, proto := range []string{"+notcp", "+tcp"} {
			for _, name := range []string{"stats.home.example", "STATS.home.EXAMPLE", "alias.home.example", "mixed.home.example"} {
				for kind, want := range map[string]string{"A": v4, "AAAA": v6, "HTTPS": "", "SVCB": "", "ANY": ""} {
					out := dig(server, proto, name, kind)
					for _, addr := range []string{origin4, origin6, router4, router6} {
						if has := strings.Contains(out, "\t"+addr+"\n"); has != (addr == want) {
							t.Errorf("%s %s %s %s: %s is there: %v\n%s", server, proto, name, kind, addr, has, out)
						}
					}
					if strings.Contains(out, "alpn") || strings.Contains(out, "hint") {
						t.Errorf("%s %s %s: a hint comes through:\n%s", server, name, kind, out)
					}
				}
			}
		}
	}
	if out := dig("@"+router4, "free.example", "HTTPS"); !strings.Contains(out, "alpn") {
		t.Errorf("a name that no rule holds has lost its record:\n%s", out)
	}
	for _, kind := range []string{"A", "AAAA", "HTTPS"} {
		if out := dig("@"+router4, "refused.example", kind); !strings.Contains(out, "NOERROR") || strings.Contains(out, "203.0.113") || strings.Contains(out, "2001:db8") {
			t.Errorf("refused.example %s:\n%s", kind, out)
		}
	}
	if out := dig("@"+router4, "use-application-dns.net", "A"); !strings.Contains(out, "NXDOMAIN") {
		t.Errorf("the canary name exists:\n%s", out)
	}
	need(t, "kdig")
	if out, _, _ := l.in(l.client, nil, "kdig", "+short", "@"+router6, "far.example", "AAAA"); strings.TrimSpace(out) != far6 {
		t.Errorf("kdig: got %q, want %s", out, far6)
	}
}

// quicFallsBack sends UDP to port 443: what is ruled is told at once that nobody is there.
func (l *lab) quicFallsBack(t *testing.T, all bool) {
	for _, addr := range []string{origin4, origin6} {
		if got := l.packet(addr); !errors.Is(got, syscall.ECONNREFUSED) {
			t.Errorf("QUIC to %s: got %v, want a refusal", addr, got)
		}
	}
	for _, addr := range []string{far4, far6} {
		if got := l.packet(addr); (got == nil) == all {
			t.Errorf("QUIC to %s, which no rule names: %v", addr, got)
		}
	}
	report := l.doctor(t)
	for _, c := range report.Coverage.Clients {
		if (c.Client == client4 || c.Client == client6) && c.QUIC > 0 {
			return
		}
	}
	t.Errorf("no rejected QUIC is in the coverage: %+v", report.Coverage.Clients)
}

// packet sends one and waits for the answer.
func (l *lab) packet(addr string) error {
	c, err := l.dial(l.client, "udp", net.JoinHostPort(addr, "443"))
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err = c.Write([]byte("an initial packet")); err == nil {
		_, err = c.Read(make([]byte, 100))
	}
	return err
}

// collector sends to the door whose path names the host.
func (l *lab) collector(t *testing.T) {
	base := "http://" + router4 + ":3130/"
	l.world.take()
	out, _ := l.curl("-d", `{"minutes": 94, "name": "me"}`, base+"stats.home.example/report")
	check(t, "rewritten", out, "origin of stats.home.example 200")
	if got := l.world.take(); len(got) != 1 || string(got[0].Body) != `{"minutes":90}` {
		t.Errorf("rewritten: the origin has %+v", got)
	}
	out, _ = l.curl("-d", `{"secret": 1}`, base+"stats.home.example/click")
	check(t, "dropped", out, "{} 200")
	for _, host := range []string{"free.example", "refused.example"} {
		out, _ = l.curl("-d", "x", base+host+"/")
		check(t, host, out, " 403")
	}
	out, _ = l.curl("-X", "PUT", "-d", "as it is", base+"mixed.home.example/a?x=1")
	check(t, "passed", out, " 200")
	if got := l.world.take(); len(got) != 1 || string(got[0].Body) != "as it is" || got[0].Target != "/a?x=1" {
		t.Errorf("passed: the origin has %+v", got)
	}
	l.bulk(t, []string{base + "mixed.home.example"})
}

// realClients lets programs that know nothing of scrim, but trust its authority, send an event.
func (l *lab) realClients(t *testing.T) {
	const event, url = `{"minutes": 94, "name": "me-myself"}`, "https://stats.home.example/report"
	proxied := l.conf != "" && strings.Contains(l.config(t), "proxy: \":3128\"")
	env := []string{"NODE_EXTRA_CA_CERTS=" + l.both}
	if proxied { // wget knows no --resolve: it goes by DNS
		env = append(env, "https_proxy=")
	}
	clients := map[string][]string{
		"wget": {"wget", "-q", "-O", "-", "--ca-certificate", l.both, "--post-data", event, url},
		"node": {"node", "-e", `fetch("` + url + `", {method: "POST", body: '` + event + `'}).then(r => r.text()).then(t => console.log(t))`},
	}
	for name, args := range clients {
		t.Run(name, func(t *testing.T) {
			need(t, name)
			l.world.take()
			out, stderr, code := l.in(l.client, nil, "env", append(append([]string{}, env...), args...)...)
			if code != 0 || !strings.Contains(out, "origin of stats.home.example") {
				t.Errorf("exit %d: %s%s", code, out, stderr)
			}
			if got := l.world.take(); len(got) != 1 || string(got[0].Body) != `{"minutes":90}` {
				t.Errorf("the origin has %+v", got)
			}
		})
	}
	t.Run("chromium", l.chromium)
}

// chromium opens a page; its own wish for HTTP/3 must not lead it around us.
func (l *lab) chromium(t *testing.T) {
	need(t, "chromium")
	l.world.take()
	out, stderr, _ := l.in(l.client, nil, "timeout", "30", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--enable-quic", "--ignore-certificate-errors", "--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "--virtual-time-budget=2000", "--dump-dom", "https://mixed.home.example/page")
	if !strings.Contains(out, "origin of mixed.home.example") {
		t.Errorf("got %q, %.500s", out, stderr)
	}
	if got := l.world.take(); len(got) == 0 || got[0].Target != "/page" {
		t.Errorf("the origin has %+v", got)
	}
}

// doctorReport is what the tests read of `scrim doctor --json`.
type doctorReport struct {
	Good   bool `json:"good"`
	Checks []struct {
		Name, State, Says, Fix string
	} `json:"checks"`
	Coverage struct {
		Clients []struct {
			Client   string
			QUIC     int64 `json:"quic_rejected"`
			Products []struct {
				Product     string
				Asked       int64
				Intercepted int64
				Doors       map[string]int64
			}
		}
	} `json:"coverage"`
}

func (l *lab) doctor(t *testing.T) doctorReport {
	t.Helper()
	out, stderr, _ := l.in(l.router, nil, binary, "doctor", "--json", "--config", l.conf)
	var r doctorReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("doctor: %v: %s%s", err, out, stderr)
	}
	return r
}

// healthy asks doctor after the suite: every link is well, and what came is in the coverage.
func (l *lab) healthy(t *testing.T) {
	r := l.doctor(t)
	state := map[string]string{}
	for _, c := range r.Checks {
		if state[c.Name] = c.State; c.State == "fault" {
			t.Errorf("%s: %s; %s", c.Name, c.Says, c.Fix)
		}
	}
	for _, name := range []string{"rules", "scrim", "door dns", "dns", "ca", "disk", "ledger", "canary proxy", "canary collector", "canary tls", "origin"} {
		if state[name] != "ok" {
			t.Errorf("%s: %q, want ok", name, state[name])
		}
	}
	if !r.Good {
		t.Error("it is not good")
	}
	for _, c := range r.Coverage.Clients {
		for _, p := range c.Products {
			if c.Client == client4 && p.Product == "lab" {
				if p.Asked == 0 || p.Intercepted == 0 || p.Doors["redirected"] == 0 || p.Doors["collector"] == 0 {
					t.Errorf("the coverage of the client: %+v", p)
				}
				return
			}
		}
	}
	t.Errorf("the client is not in the coverage: %+v", r.Coverage.Clients)
}
