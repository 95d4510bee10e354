package proxy

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// answerDNS knows one name with two addresses, and one that does not exist.
func answerDNS(q *dns.Msg) *dns.Msg {
	a := new(dns.Msg)
	a.SetReply(q)
	name := q.Question[0].Name
	if name != "origin.example." {
		a.Rcode = dns.RcodeNameError
		return a
	}
	text := map[uint16]string{dns.TypeA: " 60 IN A 192.0.2.1", dns.TypeAAAA: " 60 IN AAAA 2001:db8::1"}[q.Question[0].Qtype]
	rr, err := dns.NewRR(name + text)
	if err != nil {
		panic(err)
	}
	a.Answer = append(a.Answer, rr)
	return a
}

func TestResolvers(t *testing.T) {
	var asked atomic.Int32
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		asked.Add(1)
		w.WriteMsg(answerDNS(q))
	})
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp := &dns.Server{PacketConn: pc, Handler: handler}
	go udp.ActivateAndServe()
	defer udp.Shutdown()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp := &dns.Server{Listener: l, Handler: handler}
	go tcp.ActivateAndServe()
	defer tcp.Shutdown()
	doh := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wire, _ := io.ReadAll(r.Body)
		q := new(dns.Msg)
		if q.Unpack(wire) != nil || r.URL.Path != "/dns-query" {
			w.WriteHeader(400)
			return
		}
		asked.Add(1)
		wire, _ = answerDNS(q).Pack()
		w.Header().Set("Content-Type", "application/dns-message")
		w.Write(wire)
	}))
	defer doh.Close()
	roots := x509.NewCertPool()
	roots.AddCert(doh.Certificate())
	want := []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}
	for _, server := range []string{"udp://" + pc.LocalAddr().String(), "tcp://" + l.Addr().String(), doh.URL} {
		now := time.Now()
		r, err := newResolver([]string{server}, func() time.Time { return now }, roots, nil)
		if err != nil {
			t.Fatal(err)
		}
		asked.Store(0)
		for range 2 {
			if got, err := r.lookup(context.Background(), "origin.example"); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %v, %v", server, got, err)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("%s: asked %d times, want 2: the second lookup is from the cache", server, n)
		}
		now = now.Add(time.Minute)
		r.lookup(context.Background(), "origin.example")
		if n := asked.Load(); n != 4 {
			t.Errorf("%s: asked %d times after the time to live", server, n)
		}
		if _, err := r.lookup(context.Background(), "missing.example"); err == nil || !strings.Contains(err.Error(), "NXDOMAIN") {
			t.Errorf("%s: %v", server, err)
		}
	}
	t.Run("next_after_a_dead_one", func(t *testing.T) {
		r, _ := newResolver([]string{"tcp://127.0.0.1:1", "udp://" + pc.LocalAddr().String()}, time.Now, nil, nil)
		if got, err := r.lookup(context.Background(), "origin.example"); err != nil || len(got) != 2 {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("untrusted_https", func(t *testing.T) {
		r, _ := newResolver([]string{doh.URL}, time.Now, x509.NewCertPool(), nil)
		if _, err := r.lookup(context.Background(), "origin.example"); err == nil {
			t.Error("an unverified resolver was believed")
		}
	})
}

func TestConfigFaults(t *testing.T) {
	_, err := New(Config{Upstream: Upstream{}})
	if err == nil || !strings.Contains(err.Error(), "must be set") {
		t.Errorf("got %v", err)
	}
	r := newRig(t)
	cfg := r.p.cfg
	cfg.Listen = Listen{}
	cfg.Clients.Allow = []string{"everyone"}
	cfg.Upstream = Upstream{Resolvers: []string{"dns://x"}, Proxy: "ftp://x", Roots: []byte("x"), Hosts: map[string]string{"a": "b"}}
	_, err = New(cfg)
	for _, want := range []string{`clients.allow: "everyone"`, `upstream.resolvers: unknown scheme "dns"`, `upstream.proxy: unknown scheme "ftp"`, "upstream.roots: no certificate", `upstream.hosts: "b" of "a" is not an address`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	cfg = r.p.cfg
	cfg.Listen = Listen{Proxy: r.door()}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "listening on "+r.door()+" (listen.proxy)") {
		t.Errorf("a port in use: %v", err)
	}
}

func TestLanIsWhatIsOnLink(t *testing.T) {
	p := testPolicy(t)
	a, err := newAccess([]string{"lan"}, p.links)
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"192.168.1.9": true, "2001:db8:1::9": true, "203.0.113.8": true, "192.168.2.9": false, "2001:db8:2::9": false, "127.0.0.1": false, "8.8.8.8": false} {
		if got := a.allows(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}
