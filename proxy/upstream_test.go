package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/certs"
)

func testPolicy(t *testing.T) *addressPolicy {
	own := netip.MustParsePrefix("192.168.1.1/24")
	l := &links{now: time.Now, read: func() ([]netip.Prefix, error) {
		return []netip.Prefix{own, netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("2001:db8:1::1/64"), netip.MustParsePrefix("203.0.113.9/24")}, nil
	}}
	return &addressPolicy{links: l, allowPrivate: prefixes(t, "10.9.0.0/16"), ownPorts: func(p uint16) bool { return p == 3128 }}
}

func TestAddressesThatAreNeverDialled(t *testing.T) {
	for _, c := range []struct {
		addr string
		ok   bool
	}{
		{"93.184.216.34:443", true}, {"[2606:4700::1]:443", true},
		{"127.0.0.1:80", false}, {"127.8.9.1:80", false}, {"[::1]:80", false}, {"[::ffff:127.0.0.1]:80", false},
		{"0.0.0.0:80", false}, {"0.1.2.3:80", false}, {"[::]:80", false}, {"[::127.0.0.1]:80", false},
		{"169.254.169.254:80", false}, {"[::ffff:169.254.169.254]:80", false}, {"169.254.1.1:80", false}, {"[fe80::1%eth0]:80", false},
		{"[fd00:ec2::254]:80", false}, {"100.100.100.200:80", false}, {"192.0.0.192:80", false}, {"168.63.129.16:80", false},
		{"224.0.0.1:80", false}, {"[ff02::1]:80", false}, {"255.255.255.255:80", false}, {"240.0.0.1:80", false},
		{"[64:ff9b::7f00:1]:80", false}, {"[64:ff9b::a9fe:a9fe]:80", false}, {"[64:ff9b::c0a8:201]:80", false}, {"[64:ff9b::5db8:d822]:443", true},
		{"[64:ff9b:1::1]:80", false}, {"[::ffff:0:127.0.0.1]:80", false}, {"[2002:7f00:1::]:80", false}, {"[2002:5db8:d822::1]:80", true}, {"[2001::1]:80", false},
		{"192.168.1.20:80", true}, {"[::ffff:192.168.1.20]:80", true}, {"192.168.2.20:80", false}, {"10.0.0.1:80", false}, {"10.9.1.1:80", true},
		{"172.16.0.1:80", false}, {"100.64.0.1:80", false}, {"[fd12::1]:80", false},
		{"192.168.1.1:3128", false}, {"203.0.113.9:3128", false}, {"203.0.113.9:443", true}, {"[2001:db8:1::1]:3128", false},
	} {
		p := testPolicy(t)
		to := netip.MustParseAddrPort(c.addr)
		client := netip.MustParseAddr("192.168.1.7")
		if err := p.check(p.network(client, to.Addr()), to); (err == nil) != c.ok {
			t.Errorf("%s: %v, want allowed %v", c.addr, err, c.ok)
		}
	}
}

func TestNetworksOfClients(t *testing.T) {
	p := testPolicy(t)
	for client, want := range map[string]string{
		"192.168.1.7": "192.168.1.0/24", "192.168.7.7": "192.168.7.0/24", "2001:db8:1::5": "2001:db8:1::/64", "2001:db8:9::5": "2001:db8:9::/64",
	} {
		if got := p.network(netip.MustParseAddr(client), netip.Addr{}).String(); got != want {
			t.Errorf("%s: %s, want %s", client, got, want)
		}
	}
	if got := p.network(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.1.9")).String(); got != "192.168.1.0/24" {
		t.Errorf("a client on this machine: %s", got)
	}
}

func TestClientsReachNeitherScrimNorTheMachine(t *testing.T) {
	r := newRig(t)
	_, port, _ := net.SplitHostPort(r.door())
	_, web, _ := net.SplitHostPort(r.clear.addr())
	for _, authority := range []string{"127.0.0.1:" + port, "localhost:" + web, "127.0.0.1:" + web, "[::1]:" + web, "[::ffff:127.0.0.1]:" + web, "0.0.0.0:" + web, "169.254.169.254:80", "[64:ff9b::7f00:1]:" + web} {
		if _, head := r.connect(authority); !strings.HasPrefix(head, "HTTP/1.1 403") && !strings.HasPrefix(head, "HTTP/1.1 502") {
			t.Errorf("CONNECT %s: %q", authority, head)
		}
		if got := r.raw("GET http://" + authority + "/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 403") && !strings.HasPrefix(got, "HTTP/1.1 502") {
			t.Errorf("GET %s: %q", authority, got)
		}
	}
	r.clear.nothing()
}

func TestFixedAddressIsNotScrimItself(t *testing.T) {
	r := newRig(t)
	r.p.up().fixed["loop.example"] = fixedAddr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddrPort(r.door()).Port()}
	if _, head := r.connect("loop.example:443"); !strings.HasPrefix(head, "HTTP/1.1 403") {
		t.Errorf("got %q", head)
	}
}

func TestUntrustedOriginGetsNothing(t *testing.T) {
	r := newRig(t, func(c *Config) { _, c.Upstream.Roots = testCert(t, "x") })
	resp, text := r.do(r.client(false), "POST", "https://analytics.example/collect", play)
	if want := "analytics.example:443: origin certificate not trusted: unknown authority; nothing was sent"; resp.StatusCode != 502 || strings.TrimSpace(text) != want {
		t.Errorf("got %d %q, want %q", resp.StatusCode, text, want)
	}
	r.origin.nothing()
	r.counters(1)
	if e := r.entries(); len(e) != 1 || e[0].Result == nil || !strings.Contains(e[0].Result.Error, "not trusted") || e[0].Result.Verdict != "failed" {
		t.Errorf("entries %+v", e)
	}
}

func TestCertificateOfAnotherNameGetsNothing(t *testing.T) {
	rules := strings.Replace(testRules, "app.example: mixed", "app.example: mixed, wrong.example: mixed", 1)
	r := newRig(t)
	r.setRules(rules)
	if err := r.ca.SetGroups([]certs.Group{{Name: "demo", Hosts: []string{telemetryHost, mixedHost, "wrong.example"}}}); err != nil {
		t.Fatal(err)
	}
	r.p.up().fixed["wrong.example"] = r.p.up().fixed[mixedHost]
	resp, text := r.do(r.client(false), "GET", "https://wrong.example/", "")
	if resp.StatusCode != 502 || !strings.Contains(text, "it is for another name; nothing was sent") {
		t.Errorf("got %d %q", resp.StatusCode, text)
	}
	r.origin.nothing()
}

func TestOriginsThatMisbehave(t *testing.T) {
	for name, c := range map[string]struct{ answer, words string }{
		"closes":         {"", "closed the connection without an answer"},
		"garbage":        {"\x00\x01garbage\r\n\r\n", "cannot be read"},
		"two_lengths":    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", ""},
		"endless_header": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 1<<20), ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var requests atomic.Int32
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						requests.Add(1)
					}
					io.WriteString(conn, c.answer)
					conn.Close()
				}
			}()
			r := newRig(t, fixed(telemetryHost, l.Addr().String()))
			resp, text := r.do(r.client(false), "POST", "http://analytics.example/collect", play)
			if resp.StatusCode != 502 || !strings.Contains(text, c.words) {
				t.Errorf("got %d %q", resp.StatusCode, text)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("the origin received %d requests, want 1", n)
			}
		})
	}
}

func TestGeneralizedRequestIsSentAtMostOnce(t *testing.T) {
	for _, target := range []string{"POST /collect", "GET /pixel?e=1"} {
		t.Run(target[:4], func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var requests atomic.Int32
			go func() { // answers the first request of a connection, and closes at the second
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						br := bufio.NewReader(conn)
						for range 2 {
							req, err := http.ReadRequest(br)
							if err != nil {
								return
							}
							io.Copy(io.Discard, req.Body)
							if requests.Add(1) == 2 {
								return
							}
							io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
						}
					}()
				}
			}()
			r := newRig(t, fixed(telemetryHost, l.Addr().String()))
			method, path, _ := strings.Cut(target, " ")
			c := r.client(false)
			for _, want := range []int{200, 502} {
				resp, _ := r.do(c, method, "http://analytics.example"+path, play)
				if resp.StatusCode != want {
					t.Errorf("status %d, want %d", resp.StatusCode, want)
				}
			}
			if n := requests.Load(); n != 2 {
				t.Errorf("the origin received %d requests, want 2", n)
			}
		})
	}
}

func TestEnvironmentProxiesAreIgnored(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		old, had := os.LookupEnv(name)
		os.Setenv(name, "http://127.0.0.1:9")
		t.Cleanup(func() {
			if had {
				os.Setenv(name, old)
			} else {
				os.Unsetenv(name)
			}
		})
	}
	r := newRig(t)
	r.do(r.client(false), "POST", "https://analytics.example/collect", play)
	r.do(r.client(false), "GET", "http://clear.example/", "")
	r.origin.only()
	r.clear.only()
}

func TestParentProxy(t *testing.T) {
	var asked atomic.Int32
	var r *rig
	parent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		if req.Header.Get("Proxy-Authorization") == "" {
			t.Error("no credentials for upstream.proxy")
		}
		if req.Method != http.MethodConnect {
			req.Body.Close()
			if !strings.HasPrefix(req.RequestURI, "http://clear.example/") {
				t.Errorf("target %q", req.RequestURI)
			}
			io.WriteString(w, "parent")
			return
		}
		up, err := net.Dial("tcp", r.origin.addr())
		if err != nil {
			t.Error(err)
			return
		}
		conn, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(up, conn); up.Close() }()
		go func() { io.Copy(conn, up); conn.Close() }()
	}))
	defer parent.Close()
	r = newRig(t, func(c *Config) {
		c.Upstream.Proxy = strings.Replace(parent.URL, "http://", "http://user:pass@", 1)
		c.Upstream.Hosts = map[string]string{}
	})
	if _, text := r.do(r.client(false), "POST", "https://analytics.example/collect", play); text != "origin" {
		t.Errorf("intercepted: %q", text)
	}
	if _, text := r.do(r.client(false), "GET", "http://clear.example/x", ""); text != "parent" {
		t.Errorf("plain: %q", text)
	}
	if _, text := r.do(r.client(false), "GET", "https://other.example/", ""); text != "origin" {
		t.Errorf("tunnel: %q", text)
	}
	for _, near := range []string{"127.0.0.1:22", "localhost:22", "LOCALHOST.:22", "a.localhost:22"} {
		if _, head := r.connect(near); !strings.HasPrefix(head, "HTTP/1.1 403") {
			t.Errorf("%s through the parent: %q", near, head)
		}
	}
	if got := r.raw("GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 403") {
		t.Errorf("localhost through the parent: %q", got)
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("the parent was asked %d times, want 3", n)
	}
	r.stop()
}
