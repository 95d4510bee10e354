package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// house is a server with one plain upstream.
func house(t testing.TB, cfg Config) (*Server, string, *origin) {
	t.Helper()
	o := newOrigin(t)
	cfg.Upstreams = newUpstreams(t, UpstreamConfig{Resolvers: []string{"udp://" + o.addr}})
	s, addr := start(t, cfg)
	return s, addr, o
}

func TestSelfAnswers(t *testing.T) {
	_, addr, o := house(t, Config{})
	tests := []struct {
		name  string
		qtype uint16
		want  string
		rcode int
	}{
		{"ruled.example.", miekg.TypeA, "A 198.51.100.1", 0},
		{"RuLeD.example.", miekg.TypeAAAA, "AAAA 2001:db8:5::1", 0},
		{"ruled.example.", miekg.TypeHTTPS, "", 0},
		{"ruled.example.", miekg.TypeSVCB, "", 0},
		{"_8443._https.ruled.example.", miekg.TypeHTTPS, "", 0},
		{"ruled.example.", miekg.TypeANY, "", 0},
		{"ruled.example.", miekg.TypeTXT, `TXT "hello"`, 0},
		{"alias.example.", miekg.TypeA, "CNAME middle.example., CNAME ruled.example., A 198.51.100.1", 0},
		{"alias.example.", miekg.TypeAAAA, "CNAME middle.example., CNAME ruled.example., AAAA 2001:db8:5::1", 0},
		{"alias.example.", miekg.TypeHTTPS, "CNAME middle.example., CNAME ruled.example.", 0},
		{"alias.example.", miekg.TypeANY, `HINFO "RFC8482" ""`, 0},
		{"service.example.", miekg.TypeHTTPS, "", 0},
		{"refused.example.", miekg.TypeA, "", 0},
		{"refused.example.", miekg.TypeTXT, "", 0},
		{"torefused.example.", miekg.TypeA, "CNAME refused.example.", 0},
		{"canary.example.", miekg.TypeA, "", miekg.RcodeNameError},
		{"plain.example.", miekg.TypeA, "A 192.0.2.10, A 192.0.2.11", 0},
		{"plain.example.", miekg.TypeANY, `HINFO "RFC8482" ""`, 0},
		{"plain.example.", miekg.TypeAXFR, "", miekg.RcodeRefused},
		{"gone.example.", miekg.TypeA, "", miekg.RcodeNameError},
	}
	for round := range 2 { // the second comes from the cache
		for _, network := range []string{"udp", "tcp"} {
			for _, edns := range []func(*miekg.Msg){func(*miekg.Msg) {}, withEDNS} {
				for _, test := range tests {
					if test.qtype == miekg.TypeAXFR && network == "udp" {
						continue
					}
					r := ask(t, network, addr, test.name, test.qtype, edns)
					if answers(r) != test.want || r.Rcode != test.rcode {
						t.Errorf("%s %s %s, round %d: got %s %q, want %q", network, test.name, miekg.TypeToString[test.qtype],
							round, miekg.RcodeToString[r.Rcode], answers(r), test.want)
					}
					if r.Question[0].Name != test.name {
						t.Errorf("the case of %s became %s", test.name, r.Question[0].Name)
					}
					if strings.Contains(r.String(), "192.0.2.66") || strings.Contains(r.String(), "2001:db8::66") {
						t.Errorf("%s %s tells the real address:\n%s", test.name, miekg.TypeToString[test.qtype], r)
					}
				}
			}
		}
	}
	all, _ := o.questions()
	for _, asked := range all {
		if asked == "ruled.example. A" || asked == "ruled.example. AAAA" || asked == "ruled.example. HTTPS" {
			t.Errorf("an upstream was asked for %s", asked)
		}
	}
}

// The trap: after a lookup that ends at a ruled name its real address must not be known.
func TestAliasDoesNotLeakTheAddressFromCache(t *testing.T) {
	_, addr, _ := house(t, Config{})
	for range 3 {
		for _, name := range []string{"alias.example.", "ruled.example.", "middle.example."} {
			if r := ask(t, "udp", addr, name, miekg.TypeA); strings.Contains(r.String(), "192.0.2.66") {
				t.Fatalf("%s:\n%s", name, r)
			}
		}
	}
}

func TestAdditionalRecordsOfRuledNamesGo(t *testing.T) {
	_, addr, _ := house(t, Config{})
	for range 2 {
		r := ask(t, "udp", addr, "ruledextra.example.", miekg.TypeMX, withEDNS)
		if len(r.Extra) != 2 || !strings.Contains(r.String(), "192.0.2.12") || strings.Contains(r.String(), "192.0.2.66") {
			t.Errorf("got\n%s", r)
		}
	}
}

func TestVerdictsChangeAtOnce(t *testing.T) {
	var mu sync.Mutex
	ruled := false
	_, addr, _ := house(t, Config{Decide: func(_ netip.Addr, name string) Verdict {
		mu.Lock()
		defer mu.Unlock()
		if ruled && name == "ruled.example" {
			return Redirect
		}
		return None
	}})
	if r := ask(t, "udp", addr, "alias.example.", miekg.TypeA); !strings.Contains(answers(r), "192.0.2.66") {
		t.Fatalf("got %s", answers(r))
	}
	mu.Lock()
	ruled = true
	mu.Unlock()
	for _, name := range []string{"alias.example.", "ruled.example."} { // the first is in the cache
		if r := ask(t, "udp", addr, name, miekg.TypeA); strings.Contains(r.String(), "192.0.2.66") {
			t.Errorf("%s: got %s", name, answers(r))
		}
	}
}

func TestOriginAwaitsTheFirewall(t *testing.T) {
	var mu sync.Mutex
	var told []string
	var fail error
	hook := func(_ context.Context, name string, client netip.Addr, addrs []netip.Addr, ttl time.Duration) error {
		time.Sleep(20 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprint(name, " ", client, " ", addrs, " ", ttl))
		return fail
	}
	_, addr, _ := house(t, Config{Answer: Origin, BeforeAnswer: hook})
	expect := func(name string, qtype uint16, want, wantTold string) {
		t.Helper()
		r := ask(t, "udp", addr, name, qtype)
		mu.Lock()
		defer mu.Unlock()
		if answers(r) != want || strings.Join(told, ";") != wantTold {
			t.Errorf("%s: got %q, told %q; want %q, %q", name, answers(r), told, want, wantTold)
		}
		told = nil
	}
	for range 2 {
		expect("ruled.example.", miekg.TypeA, "A 192.0.2.66", "ruled.example 127.0.0.1 [192.0.2.66] 5m0s")
		expect("ruled.example.", miekg.TypeAAAA, "AAAA 2001:db8::66", "ruled.example 127.0.0.1 [2001:db8::66] 5m0s")
		expect("alias.example.", miekg.TypeA, "CNAME middle.example., CNAME ruled.example., A 192.0.2.66", "ruled.example 127.0.0.1 [192.0.2.66] 5m0s")
		expect("ruled.example.", miekg.TypeHTTPS, "", "")
		expect("alias.example.", miekg.TypeHTTPS, "CNAME middle.example., CNAME ruled.example.", "")
		expect("plain.example.", miekg.TypeAAAA, "AAAA 2001:db8::10", "")
	}
	mu.Lock()
	fail = errors.New("no set")
	mu.Unlock()
	if r := ask(t, "udp", addr, "ruled.example.", miekg.TypeA); r.Rcode != miekg.RcodeServerFailure || len(r.Answer) != 0 {
		t.Errorf("an answer left before the firewall knew:\n%s", r)
	}
}

func TestSeen(t *testing.T) {
	seen := new(Seen)
	_, addr, _ := house(t, Config{Seen: seen})
	for _, name := range []string{"plain.example.", "ruled.example.", "alias.example.", "plain.example."} {
		ask(t, "udp", addr, name, miekg.TypeA)
	}
	client := netip.MustParseAddr("127.0.0.1")
	var got []string
	for _, s := range seen.Since(client, time.Time{}) {
		got = append(got, fmt.Sprint(s.Name, " ", s.Count, " ", s.Verdict, " ", s.Addrs))
	}
	want := "plain.example 2 0 [192.0.2.10 192.0.2.11];ruled.example 2 1 [198.51.100.1];alias.example 1 1 [198.51.100.1]"
	if strings.Join(got, ";") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ";"), want)
	}
	if name, ok := seen.NameOf(client, netip.MustParseAddr("192.0.2.11"), time.Minute, time.Now()); name != "plain.example" || !ok {
		t.Errorf("NameOf: %q", name)
	}
}

func TestTruncationAndTCP(t *testing.T) {
	_, addr, _ := house(t, Config{})
	for range 2 {
		if r := ask(t, "udp", addr, "big.example.", miekg.TypeTXT); !r.Truncated || len(r.Answer) != 0 || r.Len() > 512 {
			t.Errorf("plain: truncated %v, %d answers", r.Truncated, len(r.Answer))
		}
		if r := ask(t, "udp", addr, "big.example.", miekg.TypeTXT, withEDNS); !r.Truncated {
			t.Error("with EDNS: not truncated")
		}
		if r := ask(t, "tcp", addr, "big.example.", miekg.TypeTXT); r.Truncated || len(r.Answer) != 100 {
			t.Errorf("tcp: truncated %v, %d answers", r.Truncated, len(r.Answer))
		}
	}
}

func TestEDNSIsKept(t *testing.T) {
	_, addr, o := house(t, Config{})
	r := ask(t, "udp", addr, "plain.example.", miekg.TypeA, func(m *miekg.Msg) {
		m.SetEdns0(4096, true)
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &miekg.EDNS0_COOKIE{Code: miekg.EDNS0COOKIE, Cookie: "0011223344556677"},
			&miekg.EDNS0_SUBNET{Code: miekg.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{192, 0, 2, 0}})
		m.CheckingDisabled = true
	})
	_, last := o.questions()
	up := last.IsEdns0()
	if up == nil || !up.Do() || up.UDPSize() != udpSize || len(up.Option) != 1 || !last.CheckingDisabled {
		t.Errorf("the upstream got %v", last)
	}
	if opt := r.IsEdns0(); opt == nil || !opt.Do() || opt.UDPSize() != udpSize {
		t.Errorf("the client got %v", r)
	}
	if ask(t, "udp", addr, "plain.example.", miekg.TypeA).IsEdns0() != nil {
		t.Error("EDNS was sent to a client without it")
	}
	r = ask(t, "udp", addr, "plain.example.", miekg.TypeA, func(m *miekg.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) })
	if r.Rcode != miekg.RcodeBadVers {
		t.Errorf("EDNS version 1: got %s", miekg.RcodeToString[r.Rcode])
	}
}

func TestCacheCountsDownAndNegativeAnswers(t *testing.T) {
	clock := &turned{now: time.Now()}
	s, addr, o := house(t, Config{Now: clock.Now})
	ttl := func(name string) uint32 {
		r := ask(t, "udp", addr, name, miekg.TypeA)
		if len(r.Answer) > 0 {
			return r.Answer[0].Header().Ttl
		}
		return r.Ns[0].Header().Ttl
	}
	if got := ttl("plain.example."); got != 300 {
		t.Errorf("TTL %d", got)
	}
	clock.add(100 * time.Second)
	if got := ttl("plain.example."); got != 200 || o.count() != 1 {
		t.Errorf("TTL %d after 100 s, asked %d times", got, o.count())
	}
	clock.add(101 * time.Second) // one of the two records ran out
	if got := ttl("plain.example."); got != 300 || o.count() != 2 {
		t.Errorf("TTL %d after 201 s, asked %d times", got, o.count())
	}
	before := o.count()
	for range 3 { // NXDOMAIN: kept for the SOA's minimum, 60 s
		ttl("gone.example.")
	}
	clock.add(61 * time.Second)
	ttl("gone.example.")
	if o.count() != before+2 {
		t.Errorf("NXDOMAIN was asked %d times, want 2", o.count()-before)
	}
	before = o.count()
	ttl("zero.example.")
	ttl("zero.example.")
	if o.count() != before+2 {
		t.Error("an answer with TTL 0 was cached")
	}
	if entries, bytes := s.Cached(); entries == 0 || bytes == 0 {
		t.Error("nothing is cached")
	}
	s.Flush()
	if entries, bytes := s.Cached(); entries != 0 || bytes != 0 {
		t.Errorf("after a flush: %d entries, %d bytes", entries, bytes)
	}
}

type turned struct {
	mu  sync.Mutex
	now time.Time
}

func (c *turned) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *turned) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestServeStale(t *testing.T) {
	clock := &turned{now: time.Now()}
	s, addr, o := house(t, Config{Now: clock.Now})
	ask(t, "udp", addr, "short.example.", miekg.TypeA)
	clock.add(time.Minute)
	o.set(func() { o.mute = true })
	begin := time.Now()
	r := ask(t, "udp", addr, "short.example.", miekg.TypeA)
	if answers(r) != "A 192.0.2.14" || r.Answer[0].Header().Ttl != staleTTL {
		t.Fatalf("got %s", r)
	}
	if took := time.Since(begin); took > clientPatience+time.Second {
		t.Errorf("took %v", took)
	}
	begin = time.Now()
	ask(t, "udp", addr, "short.example.", miekg.TypeA)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the next one waited %v", took)
	}
	if s.Counters().Stale < 2 {
		t.Errorf("counted %+v", s.Counters())
	}
	clock.add(25 * time.Hour)
	o.set(func() {
		o.mute, o.rcode["short.example."] = false, miekg.RcodeServerFailure
		delete(o.zone, "short.example. A")
	})
	if r := ask(t, "udp", addr, "short.example.", miekg.TypeA); r.Rcode != miekg.RcodeServerFailure {
		t.Errorf("after a day: got %s", r)
	}
}

func TestLimits(t *testing.T) {
	l := newLimiter(10, 2)
	now := time.Now()
	client := netip.MustParseAddr("2001:db8::1")
	passed := 0
	for range 100 {
		if l.allow(client, now) {
			passed++
		}
	}
	if passed != 10 {
		t.Errorf("%d passed at once, want 10", passed)
	}
	if l.allow(netip.MustParseAddr("2001:db8::ffff"), now) {
		t.Error("another address of the same /64 has its own limit")
	}
	if !l.allow(client, now.Add(time.Second)) {
		t.Error("still limited a second later")
	}
	if !l.enter(client, now) || !l.enter(client, now) || l.enter(client, now) {
		t.Error("the share in flight is not held")
	}
	l.leave(client)
	if !l.enter(client, now) {
		t.Error("leaving did not make room")
	}
	for i := range 3 * maxClients {
		l.allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(l.clients) > maxClients {
		t.Errorf("%d clients are remembered", len(l.clients))
	}
}

func TestOthersGetNoAnswer(t *testing.T) {
	s, addr, _ := house(t, Config{Allow: func(netip.Addr) bool { return false }})
	c := miekg.Client{Timeout: 300 * time.Millisecond}
	if r, _, err := c.Exchange(new(miekg.Msg).SetQuestion("ruled.example.", miekg.TypeA), addr); err == nil {
		t.Errorf("got %s", r)
	}
	if s.Counters().Denied == 0 {
		t.Error("not counted")
	}
}

func TestOwnAddresses(t *testing.T) {
	a := netip.MustParseAddr
	o := ownAddrs{read: func() []iface {
		lan := iface{index: 2}
		for _, s := range []string{"fe80::1", "2001:db8::1", "fd00::1", "192.168.1.1", "192.168.2.1"} {
			lan.add(a(s))
		}
		return []iface{lan, {index: 3, v4: a("10.0.0.1"), all: []netip.Addr{a("10.0.0.1")}}}
	}}
	tests := []struct {
		local  string
		index  int
		v4, v6 string
	}{
		{"192.168.1.1", 0, "192.168.1.1", "fd00::1"},
		{"192.168.2.1", 0, "192.168.2.1", "fd00::1"},
		{"2001:db8::1", 2, "192.168.1.1", "2001:db8::1"},
		{"fe80::1", 2, "192.168.1.1", "fd00::1"},
		{"fe80::1", 3, "10.0.0.1", "invalid IP"},
		{"10.0.0.1", 3, "10.0.0.1", "invalid IP"},
	}
	for _, test := range tests {
		v4, v6 := o.at(a(test.local), test.index)
		if v4.String() != test.v4 || v6.String() != test.v6 {
			t.Errorf("%s: got %s and %s, want %s and %s", test.local, v4, v6, test.v4, test.v6)
		}
	}
}

func TestAnswersWithTheAskedAddress(t *testing.T) {
	o := newOrigin(t)
	s, err := New(Config{Listen: []string{":0"}, Upstreams: newUpstreams(t, UpstreamConfig{Resolvers: []string{o.addr}}), Decide: policy})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	port := s.Addrs()[0].Port()
	for _, network := range []string{"udp", "tcp"} {
		server := fmt.Sprintf("127.0.0.3:%d", port) // all of 127/8 is ours
		if r := ask(t, network, server, "ruled.example.", miekg.TypeA); answers(r) != "A 127.0.0.3" {
			t.Errorf("%s: got %s", network, r)
		}
		if !hasIPv6() {
			continue
		}
		server = fmt.Sprintf("[::1]:%d", port)
		if r := ask(t, network, server, "ruled.example.", miekg.TypeAAAA); answers(r) != "AAAA ::1" {
			t.Errorf("%s: got %s", network, r)
		}
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}
