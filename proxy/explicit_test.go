package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// raw sends bytes to the explicit door and returns everything that comes back.
func (r *rig) raw(request string) string {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.door())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(400 * time.Millisecond)) // kept-alive connections end so
	io.WriteString(conn, request)
	b, _ := io.ReadAll(conn)
	return string(b)
}

func TestRefusedHostIsNeverConnected(t *testing.T) {
	r := newRig(t)
	if _, head := r.connect(refusedHost + ":443"); !strings.HasPrefix(head, "HTTP/1.1 403") {
		t.Errorf("CONNECT: %q", head)
	}
	if got := r.raw("GET http://ads.example/x HTTP/1.1\r\nHost: ads.example\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 403") || !strings.Contains(got, "a rule refuses ads.example") {
		t.Errorf("plain: %q", got)
	}
	raw, _ := r.connect(plainHost + ":443")
	if err := tls.Client(raw, &tls.Config{RootCAs: r.roots(), ServerName: refusedHost}).Handshake(); err == nil || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("SNI: %v", err)
	}
	r.origin.nothing()
	if c := r.counters(3); c.Refused != 3 {
		t.Errorf("counters %+v", c)
	}
	for _, e := range r.entries(ledger.Kept) {
		if e.Verdict != "refuse" || e.Rule != "ads" {
			t.Errorf("entry %+v", e)
		}
	}
}

func TestNamesThatDisagreeOverTelemetryAreRefused(t *testing.T) {
	for _, c := range []struct {
		authority, sni string
		served         bool
		issuer         string
	}{
		{telemetryHost, plainHost, false, ""},
		{plainHost, telemetryHost, false, ""},
		{mixedHost, telemetryHost, false, ""},
		{plainHost, mixedHost, true, "demo"},
		{"127.0.0.1", telemetryHost, true, "demo"},
		{telemetryHost, "", true, "demo"},
		{plainHost, "", true, "origins"},
	} {
		t.Run(c.authority+"_"+c.sni, func(t *testing.T) {
			r := newRig(t, fixed("127.0.0.1", "127.0.0.1:9"))
			raw, head := r.connect(c.authority + ":443")
			if c.authority == "127.0.0.1" && !strings.Contains(head, "200") {
				t.Skipf("an address that is not reachable is refused before the SNI: %q", head)
			}
			conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, ServerName: c.sni})
			err := conn.Handshake()
			if (err == nil) != c.served {
				t.Fatalf("handshake: %v", err)
			}
			if err == nil && !strings.Contains(conn.ConnectionState().PeerCertificates[0].Issuer.CommonName, c.issuer) {
				t.Errorf("certificate by %q", conn.ConnectionState().PeerCertificates[0].Issuer.CommonName)
			}
			r.origin.nothing()
		})
	}
}

func TestPlainRequestsOfUnruledHostsStreamUntouched(t *testing.T) {
	r := newRig(t)
	got := r.raw("GET http://clear.example/a|b?%zz HTTP/1.1\r\nHost: something.else\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nX-A: 1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200") || !strings.HasSuffix(got, "origin") {
		t.Errorf("client got %q", got)
	}
	r.clear.mu.Lock()
	wire := r.clear.wire.String()
	r.clear.mu.Unlock()
	if want := "GET /a|b?%zz HTTP/1.1\r\nHost: clear.example\r\nX-A: 1\r\n\r\n"; wire != want {
		t.Errorf("on the wire %q, want %q", wire, want)
	}
	if c := r.counters(1); c.Tunnelled != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestPlainRequestsOfRuledHostsAreRewritten(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Upstream.Hosts[telemetryHost] = c.Upstream.Hosts["clear.example"] })
	got := r.raw(fmt.Sprintf("POST http://analytics.example/collect HTTP/1.1\r\nHost: clear.example\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(play), play))
	if !strings.HasSuffix(got, "origin") {
		t.Errorf("client got %q", got)
	}
	r.clear.mu.Lock()
	wire := r.clear.wire.String()
	r.clear.mu.Unlock()
	if want := "POST /collect HTTP/1.1\r\nHost: analytics.example\r\nUser-Agent: scrim\r\nContent-Length: 31\r\nAccept: */*\r\n\r\n{\"event\":\"end\",\"duration\":5400}"; wire != want {
		t.Errorf("on the wire %q, want %q", wire, want)
	}
}

func TestHostileRequestsOfTheExplicitDoor(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct{ request, status string }{
		"nonsense":          {"\x00\x01\x02\x03\r\n\r\n", "400"},
		"origin_form":       {"GET / HTTP/1.1\r\nHost: nas:3128\r\n\r\n", "400"},
		"connect_path":      {"CONNECT /x HTTP/1.1\r\nHost: analytics.example\r\n\r\n", "400"},
		"connect_no_port":   {"CONNECT analytics.example HTTP/1.1\r\nHost: analytics.example\r\n\r\n", "400"},
		"connect_user":      {"CONNECT me@analytics.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"connect_uri":       {"CONNECT https://analytics.example:443/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"odd_scheme":        {"GET ftp://clear.example/ HTTP/1.1\r\nHost: clear.example\r\n\r\n", "400"},
		"userinfo":          {"GET http://a:b@clear.example/ HTTP/1.1\r\nHost: clear.example\r\n\r\n", "400"},
		"cl_te":             {"POST http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET", "200|400"},
		"te_te":             {"POST http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", "501|400"},
		"te_odd":            {"POST http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501|400"},
		"two_lengths":       {"POST http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
		"two_hosts":         {"GET http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nHost: b\r\n\r\n", "400"},
		"no_host":           {"GET http://clear.example/ HTTP/1.1\r\n\r\n", "400|200"},
		"obs_fold":          {"GET http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nX-A: 1\r\n 2\r\n\r\n", "200|400"},
		"space_in_name":     {"GET http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nX-A : 1\r\n\r\n", "400"},
		"huge_header":       {"GET http://clear.example/ HTTP/1.1\r\nHost: clear.example\r\nX-A: " + strings.Repeat("a", 80<<10) + "\r\n\r\n", "431"},
		"address_disguised": {"GET http://0x7f.1/ HTTP/1.1\r\nHost: a\r\n\r\n", "400|403|502"},
		"address_number":    {"CONNECT 2130706433:80 HTTP/1.1\r\nHost: a\r\n\r\n", "400|403|502"},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.raw(c.request)
			status := ""
			if f := strings.Fields(got); len(f) > 1 {
				status = f[1]
			}
			if status == "" || !strings.Contains(c.status, status) {
				t.Errorf("got %.120q, want status %s", got, c.status)
			}
		})
	}
	for _, q := range r.clear.received() {
		if q.Header.Get("X-A") != "" && strings.ContainsAny(q.Header.Get("X-A"), "\r\n") || q.Method == "GET" && q.Body != "" {
			t.Errorf("the origin received %+v", q)
		}
	}
	if got := r.clear.received(); len(got) > 3 {
		t.Errorf("a request was smuggled: %+v", got)
	}
}

func TestClientsOutsideAllowAreNotServed(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Clients.Allow = []string{"192.0.2.0/24"} })
	if got := r.raw("GET http://clear.example/ HTTP/1.1\r\nHost: a\r\n\r\n"); got != "" {
		t.Errorf("got %q", got)
	}
	if c := r.p.Counters(); c.NotServed != 1 || c.Seen != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestLimits(t *testing.T) {
	t.Run("connections_of_one_client", func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Limits.PerClient = 2 })
		for range 2 {
			c, err := net.Dial("tcp", r.door())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		for r.p.conns.len() < 2 {
			time.Sleep(time.Millisecond)
		}
		if got := r.raw("GET http://clear.example/ HTTP/1.1\r\nHost: a\r\n\r\n"); got != "" {
			t.Errorf("got %q", got)
		}
		if c := r.p.Counters(); c.OverLimit != 1 {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("slow_header", func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Limits.HeaderTimeout = 100 * time.Millisecond })
		c, err := net.Dial("tcp", r.door())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET http://clear.exam")
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("the connection was not closed: %v", err)
		}
	})
	t.Run("slow_hello", func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Limits.PeekTimeout = 100 * time.Millisecond })
		c, _ := r.connect(telemetryHost + ":443")
		c.Write([]byte{22, 3, 1})
		if b, err := io.ReadAll(c); err != nil || len(b) != 0 {
			t.Errorf("got %q, %v", b, err)
		}
	})
	t.Run("slow_body_a_rule_reads", func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Limits.BodyTimeout = 100 * time.Millisecond })
		conn := r.secure(telemetryHost)
		ask(t, conn, bufio.NewReader(conn), "POST /collect HTTP/1.1\r\nHost: analytics.example\r\nContent-Length: 100\r\n\r\n{\"event\":\"end\"}")
		r.origin.nothing()
		if e := r.entries(); len(e) != 1 || e[0].Verdict != "drop" {
			t.Errorf("entries %+v", e)
		}
	})
}

func TestBodyThatEndsEarlyStays(t *testing.T) {
	r := newRig(t)
	conn := r.secure(telemetryHost)
	io.WriteString(conn, "POST /collect HTTP/1.1\r\nHost: analytics.example\r\nContent-Length: 1000\r\n\r\n"+play)
	conn.CloseWrite()
	io.ReadAll(conn)
	if c := r.counters(1); c.Dropped != 1 {
		t.Errorf("counters %+v", c)
	}
	r.origin.nothing()
}

func TestNonsenseInsideAConnectionToTelemetryStays(t *testing.T) {
	r := newRig(t)
	for _, first := range []string{"SSH-2.0-x\r\n", "\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", "\x16\x99nonsense"} {
		conn, _ := r.connect(telemetryHost + ":443")
		io.WriteString(conn, first)
		if b, err := io.ReadAll(conn); err != nil && len(b) > 7 {
			t.Errorf("%q: got %q, %v", first, b, err)
		}
	}
	if c := r.counters(3); c.Refused+c.Failed != 3 {
		t.Errorf("counters %+v", c)
	}
	r.origin.nothing()
}

func TestPanicIsIsolated(t *testing.T) {
	r := newRig(t)
	bad := r.set.Load()
	r.p.cfg.Rules = func() *rules.Set { return bad }
	r.p.cfg.Book = panicking{r.broken}
	resp, _ := r.do(r.client(false), "POST", "https://analytics.example/collect", play)
	if resp.StatusCode != 502 {
		t.Errorf("status %d", resp.StatusCode)
	}
	r.origin.nothing()
	if c := r.counters(1); c.Panics != 1 || c.Failed != 1 {
		t.Errorf("counters %+v", c)
	}
	if e := r.entries(ledger.Event); len(e) != 1 || e[0].Reason != "fault" {
		t.Errorf("events %+v", e)
	}
}

type panicking struct{ *breakable }

func (panicking) Append(_ context.Context, recs ...*ledger.Record) error { panic(recs[0].Host) }
