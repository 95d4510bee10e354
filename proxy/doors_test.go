package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

func openDoors(c *Config) {
	c.Listen.SOCKS, c.Listen.Collector, c.Listen.TLS, c.Listen.HTTP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
}

// socks asks for host:port and returns the connection and the reply's code.
func (r *rig) socks(request []byte) (net.Conn, byte) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.p.Addrs()["socks"].String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	conn.Write([]byte{5, 1, 0})
	b := make([]byte, 10)
	if _, err := io.ReadFull(conn, b[:2]); err != nil || b[1] != 0 {
		r.t.Fatalf("greeting: %v %v", b[:2], err)
	}
	conn.Write(request)
	if _, err := io.ReadFull(conn, b); err != nil {
		r.t.Fatalf("reply: %v", err)
	}
	return conn, b[1]
}

func socksName(host string, port uint16) []byte {
	b := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	return append(b, byte(port>>8), byte(port))
}

func TestSOCKSDoor(t *testing.T) {
	r := newRig(t, openDoors)
	conn, code := r.socks(socksName(telemetryHost, 443))
	if code != 0 {
		t.Fatalf("code %d", code)
	}
	secure := tls.Client(conn, &tls.Config{RootCAs: r.roots(), ServerName: telemetryHost})
	fmt.Fprintf(secure, "POST /collect HTTP/1.1\r\nHost: analytics.example\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(play), play)
	if b, err := io.ReadAll(secure); err != nil || !strings.HasSuffix(string(b), "origin") {
		t.Errorf("got %q, %v", b, err)
	}
	if got := r.origin.only(); got.Body != `{"event":"end","duration":5400}` {
		t.Errorf("origin %+v", got)
	}
	if e := r.entries(ledger.Sent); len(e) != 1 || e[0].Door != DoorSOCKS {
		t.Errorf("entries %+v", e)
	}
	for name, c := range map[string]struct {
		request []byte
		code    byte
	}{
		"refused":  {socksName(refusedHost, 443), socksNotAllowed},
		"bind":     {append([]byte{5, 2}, socksName("a.example", 1)[2:]...), socksNoCommand},
		"udp":      {append([]byte{5, 3}, socksName("a.example", 1)[2:]...), socksNoCommand},
		"loopback": {[]byte{5, 1, 0, 1, 127, 0, 0, 1, 0, 80}, socksNotAllowed},
		"no_kind":  {[]byte{5, 1, 0, 9, 1, 1, 1, 1, 1, 1}, socksNoAddress},
	} {
		if _, code := r.socks(c.request); code != c.code {
			t.Errorf("%s: code %d, want %d", name, code, c.code)
		}
	}
}

func TestCollectorDoor(t *testing.T) {
	r := newRig(t, openDoors)
	base := "http://" + r.p.Addrs()["collector"].String()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if _, text := r.do(c, "POST", base+"/analytics.example/collect?x=1", play); text != "origin" {
		t.Errorf("got %q", text)
	}
	if got := r.origin.only(); got.Body != `{"event":"end","duration":5400}` || got.Target != "/collect" || got.Host != telemetryHost {
		t.Errorf("origin %+v", got)
	}
	if e := r.entries(ledger.Sent); len(e) != 1 || e[0].Door != DoorCollector || e[0].Host != telemetryHost || e[0].Scheme != "https" {
		t.Errorf("entries %+v", e)
	}
	for path, want := range map[string]int{"/other.example/x": 403, "/ads.example/": 403, "/": 400, "/127.0.0.1:22/": 403, "/analytics.example": 200, "/analytics.example:0/": 400} {
		if resp, _ := r.do(c, "GET", base+path, ""); resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestRedirectedDoors(t *testing.T) {
	r := newRig(t, openDoors)
	conn, err := tls.Dial("tcp", r.p.Addrs()["tls"].String(), &tls.Config{RootCAs: r.roots(), ServerName: telemetryHost})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /collect HTTP/1.1\r\nHost: analytics.example\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(play), play)
	if b, _ := io.ReadAll(conn); !strings.HasSuffix(string(b), "origin") {
		t.Errorf("got %q", b)
	}
	if got := r.origin.only(); got.Body != `{"event":"end","duration":5400}` {
		t.Errorf("origin %+v", got)
	}
	// A host that no rule names is tunnelled to where its name leads.
	tunnel, err := tls.Dial("tcp", r.p.Addrs()["tls"].String(), &tls.Config{RootCAs: r.roots(), ServerName: plainHost})
	if err != nil {
		t.Fatal(err)
	}
	tunnel.Close()
	plain, err := net.Dial("tcp", r.p.Addrs()["http"].String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	io.WriteString(plain, "GET /x HTTP/1.1\r\nHost: clear.example\r\nConnection: close\r\n\r\n")
	if b, _ := io.ReadAll(plain); !strings.HasSuffix(string(b), "origin") {
		t.Errorf("plain: %q", b)
	}
	nameless, err := net.Dial("tcp", r.p.Addrs()["tls"].String())
	if err != nil {
		t.Fatal(err)
	}
	defer nameless.Close()
	nameless.Write(hello(t, &tls.Config{InsecureSkipVerify: true}))
	if b, _ := io.ReadAll(nameless); !bytes.Equal(b, alertAccessDenied) {
		t.Errorf("no name: %q", b)
	}
	if c := r.counters(4); c.Generalized != 1 || c.Tunnelled != 2 || c.Refused != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestTransparentDoorRefusesWhatWasNotRedirected(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Listen.Transparent = "127.0.0.1:0" })
	conn, err := net.Dial("tcp", r.p.Addrs()["transparent"].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	conn.Write(hello(t, &tls.Config{ServerName: telemetryHost}))
	if b, err := io.ReadAll(conn); len(b) > 0 {
		t.Errorf("got %q, %v", b, err)
	}
	r.counters(1)
	r.origin.nothing()
}

// TestDestinationByAddress decides flows of the transparent door without a kernel to redirect them.
func TestDestinationByAddress(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.NameOf = func(_, addr netip.Addr) string {
			if addr == netip.MustParseAddr("192.0.2.1") {
				return telemetryHost
			}
			return ""
		}
	})
	for name, c := range map[string]struct {
		addr   string
		said   peeked
		answer rules.Answer
		host   string
	}{
		"sni":             {"192.0.2.9", peeked{saidTLS, telemetryHost}, rules.Intercept, telemetryHost},
		"host":            {"192.0.2.9", peeked{saidHTTP, mixedHost + ":80"}, rules.Intercept, mixedHost},
		"refused":         {"192.0.2.9", peeked{saidTLS, refusedHost}, rules.Block, refusedHost},
		"no_sni_by_dns":   {"192.0.2.1", peeked{speech: saidTLS}, rules.Intercept, telemetryHost},
		"no_sni_unknown":  {"192.0.2.9", peeked{speech: saidTLS}, rules.Tunnel, "192.0.2.9"},
		"other":           {"192.0.2.9", peeked{speech: saidOther}, rules.Tunnel, "192.0.2.9"},
		"other_by_dns":    {"192.0.2.1", peeked{speech: saidOther}, rules.Block, telemetryHost},
		"garbled":         {"192.0.2.9", peeked{speech: saidGarbled}, rules.Block, "192.0.2.9"},
		"unruled":         {"192.0.2.9", peeked{saidTLS, plainHost}, rules.Tunnel, plainHost},
		"name_is_no_name": {"192.0.2.9", peeked{saidTLS, "a..b"}, rules.Block, "192.0.2.9"},
	} {
		f := &Flow{Door: DoorTransparent, Client: netip.MustParseAddr("192.0.2.50")}
		f.To = rules.Destination{Scheme: "https", Port: 443, Addr: netip.MustParseAddr(c.addr)}
		d := r.p.decide(f, c.said)
		if d.answer != c.answer || f.To.Host != c.host {
			t.Errorf("%s: %q %q, want %q %q", name, d.answer, f.To.Host, c.answer, c.host)
		}
	}
}

func TestRealCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	r := newRig(t, openDoors)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, append(r.ca.RootPEM(), r.origin.roots()...), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(curl, append([]string{"-sS", "--max-time", "20", "--cacert", ca}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("curl %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	n := 0
	for _, version := range []string{"--http1.1", "--http2"} {
		for _, via := range [][]string{{"-x", "http://" + r.door()}, {"-x", "socks5h://" + r.p.Addrs()["socks"].String()},
			{"--connect-to", "::" + r.p.Addrs()["tls"].String()}} {
			out := run(append(via, version, "-d", play, "-H", "X-Device: tv", "-w", " %{http_code} %{http_version}", "https://analytics.example/collect")...)
			n++
			if want := " 200 " + map[string]string{"--http1.1": "1.1", "--http2": "2"}[version]; !strings.HasSuffix(out, want) {
				t.Errorf("%v %s: %q", via, version, out)
			}
			if got := r.origin.received(); len(got) != n || got[n-1].Body != `{"event":"end","duration":5400}` || got[n-1].Header.Get("X-Device") != "" {
				t.Errorf("%v %s: origin %+v", via, version, got)
			}
			if out := run(append(via, version, "https://other.example/")...); out != "origin" {
				t.Errorf("tunnel %v %s: %q", via, version, out)
			}
			n++
		}
	}
	out := run("-x", "http://"+r.door(), "-H", "Expect: 100-continue", "-T", ca, "https://app.example/put")
	if got := r.origin.received(); out != "origin" || got[len(got)-1].Body == "" {
		t.Errorf("upload: %q", out)
	}
}
