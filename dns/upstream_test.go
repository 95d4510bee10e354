package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

func exchange(t *testing.T, u *Upstreams, name string, qtype uint16) (*miekg.Msg, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	raw, err := u.exchange(ctx, rawQuery(name, qtype))
	if err != nil {
		return nil, err
	}
	m := new(miekg.Msg)
	return m, m.Unpack(raw)
}

func TestEveryKindOfUpstream(t *testing.T) {
	o := newOrigin(t)
	dot, doh, roots := o.secure(t)
	for _, url := range []string{o.addr, "udp://" + o.addr, "tcp://" + o.addr, dot, doh} {
		t.Run(strings.Split(url, ":")[0], func(t *testing.T) {
			u := newUpstreams(t, UpstreamConfig{Resolvers: []string{url}, Roots: roots})
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					m, err := exchange(t, u, "Plain.example.", miekg.TypeA)
					if err != nil || answers(m) != "A 192.0.2.10, A 192.0.2.11" || m.Question[0].Name != "Plain.example." {
						t.Errorf("got %v, %v", m, err)
					}
				})
			}
			wg.Wait()
			m, err := exchange(t, u, "big.example.", miekg.TypeTXT) // truncated over UDP
			if err != nil || len(m.Answer) != 100 {
				t.Errorf("big: %v", err)
			}
			if st := u.Status(); len(st) != 1 || !st[0].Healthy || st[0].RTT == 0 || st[0].Fault != "" {
				t.Errorf("status %+v", st)
			}
		})
	}
}

func TestUpstreamCertificateIsVerified(t *testing.T) {
	o := newOrigin(t)
	dot, doh, _ := o.secure(t)
	_, other := selfSigned(t, "resolver.example")
	for _, url := range []string{dot, doh} {
		u := newUpstreams(t, UpstreamConfig{Resolvers: []string{url}, Roots: other})
		if m, err := exchange(t, u, "plain.example.", miekg.TypeA); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: got %v, %v", url, m, err)
		}
	}
	if o.count() != 0 {
		t.Error("a query reached a server that did not prove its name")
	}
}

func TestStreamIsOpenedAgain(t *testing.T) {
	o := newOrigin(t)
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{"tcp://" + o.addr}})
	for range 3 {
		if _, err := exchange(t, u, "plain.example.", miekg.TypeA); err != nil {
			t.Fatal(err)
		}
		s := u.fixed[0].via.(*stream)
		s.mu.Lock()
		s.conn.nc.Close()
		s.mu.Unlock()
	}
}

func TestFailureGoesToTheNextUpstream(t *testing.T) {
	good, bad, mute := newOrigin(t), newOrigin(t), newOrigin(t)
	bad.set(func() { bad.rcode["plain.example."] = miekg.RcodeServerFailure })
	mute.set(func() { mute.mute = true })
	closed := closedPort(t)
	for _, first := range []string{"udp://" + bad.addr, "udp://" + mute.addr, "udp://" + closed, "tcp://" + closed} {
		u := newUpstreams(t, UpstreamConfig{Resolvers: []string{first, "udp://" + good.addr}})
		u.fixed[0].measured, u.fixed[0].rtt = time.Now(), time.Millisecond
		u.fixed[1].measured = time.Now()
		begin := time.Now()
		m, err := exchange(t, u, "plain.example.", miekg.TypeA)
		if err != nil || answers(m) != "A 192.0.2.10, A 192.0.2.11" {
			t.Errorf("%s: %v", first, err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%s: took %v", first, took)
		}
	}
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{"udp://" + bad.addr}})
	if m, err := exchange(t, u, "plain.example.", miekg.TypeA); err != nil || m.Rcode != miekg.RcodeServerFailure {
		t.Errorf("the only answer is not returned: %v, %v", m, err)
	}
	u = newUpstreams(t, UpstreamConfig{Resolvers: []string{"udp://" + bad.addr, "udp://" + closed}})
	if m, err := exchange(t, u, "plain.example.", miekg.TypeA); err != nil || m.Rcode != miekg.RcodeServerFailure {
		t.Errorf("with a dead one beside it: %v, %v", m, err)
	}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTheFasterUpstreamIsFoundAndTheDeadLeftAlone(t *testing.T) {
	slow, fast := newOrigin(t), newOrigin(t)
	slow.set(func() { slow.delay = 20 * time.Millisecond })
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{"udp://" + slow.addr, "udp://" + fast.addr}})
	for range 20 {
		if _, err := exchange(t, u, "plain.example.", miekg.TypeA); err != nil {
			t.Fatal(err)
		}
	}
	if slow.count() > 4 || fast.count() < 18 {
		t.Errorf("slow was asked %d times, fast %d", slow.count(), fast.count())
	}
	dead := newUpstreams(t, UpstreamConfig{Resolvers: []string{"tcp://" + closedPort(t), "udp://" + fast.addr}})
	for range 10 {
		dead.fixed[0].mu.Lock()
		dead.fixed[0].rtt = 0 // as if it were the favourite
		dead.fixed[0].mu.Unlock()
		if _, err := exchange(t, dead, "plain.example.", miekg.TypeA); err != nil {
			t.Fatal(err)
		}
	}
	if st := dead.Status()[0]; st.Healthy || st.Fault == "" {
		t.Errorf("status %+v", st)
	}
	if ups, _, _ := dead.order(time.Now()); ups[0] != dead.fixed[1] {
		t.Error("the dead one is still asked first")
	}
}

func TestBootstrap(t *testing.T) {
	o := newOrigin(t)
	dot, _, roots := o.secure(t)
	o.set(func() { o.zone["resolver.example. A"] = []string{"resolver.example. 60 IN A 127.0.0.1"} })
	url, _, _ := strings.Cut(dot, "#")
	boot := netip.MustParseAddrPort(o.addr)
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{url}, Roots: roots, Bootstrap: []netip.AddrPort{boot}})
	if _, err := exchange(t, u, "plain.example.", miekg.TypeA); err != nil {
		t.Fatal(err)
	}
	none := newUpstreams(t, UpstreamConfig{Resolvers: []string{url}, Roots: roots, ResolvConf: "/nonexistent"})
	if _, err := exchange(t, none, "plain.example.", miekg.TypeA); err == nil || !strings.Contains(err.Error(), "bootstrap") {
		t.Errorf("got %v", err)
	}
}

func TestSystemResolversFollowTheFile(t *testing.T) {
	o := newOrigin(t)
	addr := netip.MustParseAddrPort(o.addr)
	path := filepath.Join(t.TempDir(), "resolv.conf")
	os.WriteFile(path, []byte("nameserver 127.0.0.1\n"), 0o600)
	u := newUpstreams(t, UpstreamConfig{ResolvConf: path})
	u.setSelf(func(a netip.AddrPort) bool { return a.Addr() == netip.MustParseAddr("127.0.0.1") })
	if _, err := exchange(t, u, "plain.example.", miekg.TypeA); !errors.Is(err, ErrNoUpstream) {
		t.Errorf("we were our own upstream: %v", err)
	}
	os.WriteFile(path, []byte("# moved\nnameserver 127.0.0.9\n"), 0o600)
	u.system.looked = time.Time{}
	if got := u.list(); len(got) != 1 || got[0].addr != netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), 53) {
		t.Errorf("got %v for %v", got, addr)
	}
}

func TestLookupForTheProxyPassesEveryRule(t *testing.T) {
	o := newOrigin(t)
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{o.addr}})
	start(t, Config{Upstreams: u})
	addrs, ttl, err := u.Lookup(context.Background(), "ruled.example")
	if err != nil || fmt.Sprint(addrs) != "[192.0.2.66 2001:db8::66]" || ttl != 300*time.Second {
		t.Errorf("got %v, %v, %v", addrs, ttl, err)
	}
	if _, _, err := u.Lookup(context.Background(), "gone.example"); !errors.Is(err, ErrNoAddress) {
		t.Errorf("got %v", err)
	}
}

// A resolver that forwards to us is found out and not asked.
func TestLoopIsDetected(t *testing.T) {
	good := newOrigin(t)
	relay := new(relay)
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &miekg.Server{PacketConn: l, Handler: relay}
	go srv.ActivateAndServe()
	t.Cleanup(func() { srv.Shutdown() })
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{l.LocalAddr().String(), good.addr}})
	s, err := New(Config{Listen: []string{"127.0.0.1:0"}, Upstreams: u, Decide: policy})
	if err != nil {
		t.Fatal(err)
	}
	self := s.Addrs()[0].String()
	relay.set(self)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	for range 50 {
		if u.Status()[0].Looped {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if st := u.Status(); !st[0].Looped || st[0].Healthy || st[1].Looped {
		t.Fatalf("status %+v", st)
	}
	if r := ask(t, "udp", self, "plain.example.", miekg.TypeA); answers(r) != "A 192.0.2.10, A 192.0.2.11" {
		t.Errorf("got %s", r)
	}
	// It stops looping, and is asked again.
	relay.set(good.addr)
	s.probeAll(ctx)
	if st := u.Status(); st[0].Looped {
		t.Errorf("status %+v", st)
	}
}

// relay forwards as a resolver does that was pointed at us.
type relay struct {
	mu sync.Mutex
	to string
}

func (r *relay) set(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

func (r *relay) ServeDNS(w miekg.ResponseWriter, req *miekg.Msg) {
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	c := miekg.Client{Timeout: time.Second}
	if m, _, err := c.Exchange(req, to); err == nil {
		w.WriteMsg(m)
	}
}

func TestBadResolvers(t *testing.T) {
	for text, want := range map[string]string{
		"ftp://192.0.2.1":      "unknown scheme",
		"udp://dns.example":    "needs an address",
		"tls://":               "not an address or URL",
		"tls://192.0.2.1:0":    "not a port",
		"tls://a.example#nine": "nine",
		"hello":                "not an address or URL",
	} {
		if _, err := NewUpstreams(UpstreamConfig{Resolvers: []string{text}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// A forged datagram that does not match is passed over.
func TestForgedAnswersArePassedOver(t *testing.T) {
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	go func() {
		buf := make([]byte, 512)
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			return
		}
		var m miekg.Msg
		m.Unpack(buf[:n])
		forge := func(change func(*miekg.Msg)) {
			r := new(miekg.Msg).SetReply(&m)
			r.Answer = []miekg.RR{rr("plain.example. 300 IN A 203.0.113.9")}
			change(r)
			packed, _ := r.Pack()
			p.WriteTo(packed, from)
		}
		forge(func(r *miekg.Msg) { r.Id++ })
		forge(func(r *miekg.Msg) { r.Question[0].Name = "other.example." })
		forge(func(r *miekg.Msg) { r.Response = false })
		p.WriteTo([]byte{1, 2, 3}, from)
		forge(func(r *miekg.Msg) { r.Answer = []miekg.RR{rr("plain.example. 300 IN A 192.0.2.10")} })
	}()
	u := newUpstreams(t, UpstreamConfig{Resolvers: []string{p.LocalAddr().String()}})
	m, err := exchange(t, u, "plain.example.", miekg.TypeA)
	if err != nil || answers(m) != "A 192.0.2.10" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("house", func(t *testing.T) {
		o := newOrigin(t)
		dot, doh, roots := o.secure(t)
		u := newUpstreams(t, UpstreamConfig{Resolvers: []string{o.addr, dot, doh}, Roots: roots})
		_, addr := start(t, Config{Upstreams: u})
		for i := range 20 {
			ask(t, "udp", addr, fmt.Sprintf("n%d.example.", i), miekg.TypeA)
		}
	})
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}
