package dns

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// seeds are packets of every kind that the door meets.
func seeds() [][]byte {
	var out [][]byte
	for _, name := range []string{"plain.example.", "ruled.example.", "alias.example.", "."} {
		for _, qtype := range []uint16{miekg.TypeA, miekg.TypeHTTPS, miekg.TypeANY, miekg.TypeAXFR} {
			m := new(miekg.Msg).SetQuestion(name, qtype)
			packed, _ := m.Pack()
			out = append(out, packed)
			m.SetEdns0(4096, true)
			m.IsEdns0().Option = append(m.IsEdns0().Option, &miekg.EDNS0_COOKIE{Code: miekg.EDNS0COOKIE, Cookie: "0011223344556677"})
			packed, _ = m.Pack()
			out = append(out, packed)
		}
	}
	reply := new(miekg.Msg).SetQuestion("alias.example.", miekg.TypeA)
	reply.Response = true
	reply.Answer = []miekg.RR{rr("alias.example. 300 IN CNAME ruled.example."), rr("ruled.example. 300 IN A 192.0.2.66"),
		rr(`svc.example. 300 IN HTTPS 1 ruled.example. alpn=h3`)}
	reply.Ns = []miekg.RR{rr("example. 300 IN SOA a. b. 1 2 3 4 60")}
	reply.Compress = true
	packed, _ := reply.Pack()
	return append(out, packed)
}

// FuzzPackets holds: a reply goes only to a query, has its id and its question, and is
// no longer than UDP allows; an upstream's answer that is taken can be handed out, and
// never tells where a ruled name is.
func FuzzPackets(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	s := &Server{cfg: Config{Answer: Self, Decide: policy, Addresses: func(_, _ netip.Addr) (netip.Addr, netip.Addr) { return self4, self6 }},
		cache: newCache(1<<20, time.Hour), now: time.Now, nonce: ".nonce.invalid"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		fuzzQuery(t, s, raw)
		fuzzReply(t, raw)
	})
}

func fuzzQuery(t *testing.T, s *Server, raw []byte) {
	var q query
	reply, done := s.quick(nil, &q, bytes.Clone(raw), &peer{udp: true}, time.Now())
	if !done {
		sent := q.forward(nil)
		var again query
		if err := again.parse(sent); err != nil || again.name != q.name || again.qtype != q.qtype || again.do != q.do {
			t.Fatalf("what is forwarded is another question: %v", err)
		}
		return
	}
	if len(reply) == 0 {
		return
	}
	if raw[2]&0x80 != 0 {
		t.Fatal("an answer was answered")
	}
	if reply[2]&0x80 == 0 || !bytes.Equal(reply[:2], raw[:2]) || len(reply) > udpSize || len(reply) > len(raw)+90 {
		t.Fatalf("bad reply of %d bytes to %d", len(reply), len(raw))
	}
	if _, err := walk(reply, func(*record) {}); err != nil {
		t.Fatalf("our own reply cannot be read: %x", reply)
	}
}

func fuzzReply(t *testing.T, raw []byte) {
	raw = bytes.Clone(raw)
	end, err := questionEnd(raw)
	if err != nil {
		return
	}
	name, _, _ := readName(raw, headerLen)
	k := key{name: name, qtype: binary.BigEndian.Uint16(raw[end-4:])}
	e, err := newEntry(k, raw, time.Now())
	if err != nil {
		return
	}
	q := query{raw: bytes.Clone(raw[:end]), end: end, name: name, size: udpSize}
	out := e.appendReply(nil, &q, time.Now().Add(time.Hour))
	var msg miekg.Msg
	if msg.Unpack(out) != nil {
		return
	}
	clean, _ := filter(&msg, func(name string) Verdict { return policy(netip.Addr{}, name) }, facts{mode: Self, v4: self4, v6: self6})
	for _, section := range [][]miekg.RR{clean.Answer, clean.Ns, clean.Extra} {
		for _, rr := range section {
			if a, ok := rr.(*miekg.A); ok && plain(a.Hdr.Name) == "ruled.example" && !a.A.Equal(self4.AsSlice()) {
				t.Fatalf("the real address of a ruled name left:\n%s", clean)
			}
			if h := rr.Header(); h.Rrtype == miekg.TypeHTTPS && plain(h.Name) == "ruled.example" {
				t.Fatalf("a hint of a ruled name left:\n%s", clean)
			}
		}
	}
}

func TestMalformedPackets(t *testing.T) {
	good := rawQuery("plain.example.", miekg.TypeA)
	with := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	const silence = -1
	tests := map[string]struct {
		raw  []byte
		want int
	}{
		"short":              {good[:11], silence},
		"answer":             {with(func(b []byte) { b[2] |= 0x80 }), silence},
		"no_question":        {with(func(b []byte) { b[5] = 0 })[:12], miekg.RcodeFormatError},
		"two_questions":      {with(func(b []byte) { b[5] = 2 }), miekg.RcodeFormatError},
		"with_answer":        {with(func(b []byte) { b[7] = 1 }), miekg.RcodeFormatError},
		"truncated_flag":     {with(func(b []byte) { b[2] |= 2 }), miekg.RcodeFormatError},
		"cut":                {good[:20], miekg.RcodeFormatError},
		"pointer_to_itself":  {with(func(b []byte) { b[12], b[13] = 0xC0, 12 }), miekg.RcodeFormatError},
		"pointer_forwards":   {with(func(b []byte) { b[12], b[13] = 0xC0, 20 }), miekg.RcodeFormatError},
		"pointer_to_header":  {with(func(b []byte) { b[12], b[13] = 0xC0, 4 }), miekg.RcodeFormatError},
		"bad_label":          {with(func(b []byte) { b[12] = 0x80 }), miekg.RcodeFormatError},
		"missing_additional": {with(func(b []byte) { b[11] = 1 }), miekg.RcodeFormatError},
		"update":             {with(func(b []byte) { b[2] = 5 << 3 }), miekg.RcodeNotImplemented},
		"notify":             {with(func(b []byte) { b[2] = 4 << 3 }), miekg.RcodeNotImplemented},
		"chaos":              {with(func(b []byte) { b[len(b)-1] = 3 }), miekg.RcodeRefused},
	}
	_, addr, o := house(t, Config{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("udp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write(test.raw)
			wait := 3 * time.Second
			if test.want == silence {
				wait = 100 * time.Millisecond
			}
			c.SetReadDeadline(time.Now().Add(wait))
			buf := make([]byte, 4096)
			n, err := c.Read(buf)
			if test.want == silence {
				if err == nil {
					t.Errorf("got %x", buf[:n])
				}
				return
			}
			if err != nil || int(buf[3]&0xF) != test.want || !bytes.Equal(buf[:2], test.raw[:2]) {
				t.Errorf("got %x, %v", buf[:n], err)
			}
		})
	}
	if asked, _ := o.questions(); len(asked) != 0 {
		t.Errorf("the upstream was asked %v", asked)
	}
}

func TestSlowAndRudeTCPClients(t *testing.T) {
	_, addr, _ := house(t, Config{MaxConns: 4})
	for range 10 { // more than there is room for, all silent
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte{0xFF, 0xFF, 1, 2})
		c.Close()
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw := rawQuery("ruled.example.", miekg.TypeA)
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	for _, b := range append(framed, framed...) { // two queries, byte for byte
		c.Write([]byte{b})
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for range 2 {
		if _, err := readFramed(c, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.Write([]byte{0, 1, 0})
	if n, err := c.Read(make([]byte, 10)); err != io.EOF {
		t.Errorf("a message of one byte: got %d bytes, %v", n, err)
	}
}

// A day of a house's queries in short form: many names, types, clients and answers,
// with the clock running ahead. What is held stays within its bounds.
func TestADayOfQueries(t *testing.T) {
	clock := &turned{now: time.Now()}
	seen := new(Seen)
	s := &Server{cfg: Config{Answer: Self, Decide: policy, Seen: seen, Addresses: func(_, _ netip.Addr) (netip.Addr, netip.Addr) { return self4, self6 }},
		cache: newCache(1<<20, 24*time.Hour), limit: newLimiter(1000, 64), now: clock.Now, nonce: ".nonce.invalid"}
	const queries, names = 200_000, 60_000
	var rss [3]int
	out := make([]byte, 0, maxMessage)
	for i := range queries {
		clock.add(24 * time.Hour / queries)
		client := netip.AddrFrom4([4]byte{10, 0, byte(rand.N(8)), byte(rand.N(250))})
		name := fmt.Sprintf("n%d.example.", rand.N(names))
		raw := rawQuery(name, miekg.TypeA)
		if !s.admit(client, clock.Now()) {
			continue
		}
		var q query
		if _, done := s.quick(out[:0], &q, raw, &peer{client: client, udp: true}, clock.Now()); !done {
			answer := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
			answer.Response = true
			answer.Answer = []miekg.RR{&miekg.A{Hdr: miekg.RR_Header{Name: name, Rrtype: 1, Class: 1, Ttl: 300}, A: net.IPv4(192, 0, 2, byte(i))}}
			packed, _ := answer.Pack()
			e, err := newEntry(q.key(), packed, clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			s.cache.put(e)
			s.note(&q, &peer{client: client}, None, e.addrs, clock.Now())
		}
		if i%(queries/2) == queries/4 || i == queries-1 {
			rss[min(2, 2*i/queries+i/(queries-1))] = residentBytes()
		}
	}
	entries, size := s.cache.used()
	if size > 1<<20 || seen.Len() > maxSightings || len(s.limit.clients) > maxClients {
		t.Errorf("cache %d bytes, %d sightings, %d clients", size, seen.Len(), len(s.limit.clients))
	}
	t.Logf("%d entries of %d bytes; resident at a quarter, three quarters, the end: %d, %d, %d KiB", entries, size, rss[0]>>10, rss[1]>>10, rss[2]>>10)
	if grown := rss[2] - rss[0]; grown > 8<<20 {
		t.Errorf("resident memory grew by %d KiB", grown>>10)
	}
}

// residentBytes is 0 where the system does not tell.
func residentBytes() int {
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, resident int
	fmt.Fscan(strings.NewReader(string(data)), &total, &resident)
	return resident * os.Getpagesize()
}

func TestFloodIsHeldBack(t *testing.T) {
	s, addr, o := house(t, Config{MaxInFlight: 8, Rate: -1})
	o.set(func() { o.mute = true })
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 200 {
		c.Write(rawQuery(fmt.Sprintf("flood%d.example.", i), miekg.TypeA))
	}
	c.SetReadDeadline(time.Now().Add(2 * time.Second))
	refused := 0
	buf := make([]byte, 512)
	for refused < 150 {
		n, err := c.Read(buf)
		if err != nil {
			break
		}
		if n > 3 && buf[3]&0xF == miekg.RcodeServerFailure {
			refused++
		}
	}
	if refused < 150 || s.Counters().Busy < 150 {
		t.Errorf("%d were refused, counted %+v", refused, s.Counters())
	}
	if r := ask(t, "udp", addr, "ruled.example.", miekg.TypeA); answers(r) != "A 198.51.100.1" {
		t.Errorf("a ruled name waits behind the flood: %s", r)
	}
}
