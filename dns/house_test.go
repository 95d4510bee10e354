package dns

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// origin is a resolver that tests talk through, with a zone of its own.
type origin struct {
	mu    sync.Mutex
	zone  map[string][]string // "name. TYPE" to records
	rcode map[string]int
	delay time.Duration
	mute  bool
	asked []string
	last  *miekg.Msg
	addr  string // UDP and TCP
}

func (o *origin) set(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

// questions gives what was asked, and the last message.
func (o *origin) questions() ([]string, *miekg.Msg) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked), o.last
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// reply answers from the zone, following CNAME records as a resolver does.
func (o *origin) reply(req *miekg.Msg) *miekg.Msg {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := req.Question[0]
	if !strings.HasSuffix(q.Name, ".invalid.") { // probes for loops
		o.asked = append(o.asked, q.Name+" "+miekg.TypeToString[q.Qtype])
		o.last = req
	}
	m := new(miekg.Msg).SetReply(req)
	m.RecursionAvailable = true
	if opt := req.IsEdns0(); opt != nil {
		m.SetEdns0(4096, opt.Do())
	}
	name := strings.ToLower(q.Name)
	if rcode, ok := o.rcode[name]; ok {
		m.Rcode = rcode
	}
	for range 8 {
		for _, text := range o.zone[name+" "+miekg.TypeToString[q.Qtype]] {
			m.Answer = append(m.Answer, rr(text))
		}
		next := o.zone[name+" CNAME"]
		if len(next) == 0 || q.Qtype == miekg.TypeCNAME {
			break
		}
		cname := rr(next[0]).(*miekg.CNAME)
		m.Answer = append(m.Answer, cname)
		name = cname.Target
	}
	for _, text := range o.zone[name+" EXTRA"] {
		m.Extra = append([]miekg.RR{rr(text)}, m.Extra...)
	}
	if len(m.Answer) == 0 && m.Rcode != miekg.RcodeServerFailure {
		m.Ns = append(m.Ns, rr("example. 300 IN SOA ns.example. host.example. 1 2 3 4 60"))
	}
	return m
}

func rr(text string) miekg.RR {
	r, err := miekg.NewRR(text)
	if err != nil {
		panic(err)
	}
	return r
}

func (o *origin) ServeDNS(w miekg.ResponseWriter, req *miekg.Msg) {
	o.mu.Lock()
	delay, mute := o.delay, o.mute
	o.mu.Unlock()
	time.Sleep(delay)
	if mute {
		return
	}
	m := o.reply(req)
	if w.RemoteAddr().Network() == "udp" {
		size := 512
		if opt := req.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		m.Truncate(size)
	}
	w.WriteMsg(m)
}

func newOrigin(t testing.TB) *origin {
	t.Helper()
	o := &origin{zone: map[string][]string{
		"plain.example. A":                  {"plain.example. 300 IN A 192.0.2.10", "plain.example. 200 IN A 192.0.2.11"},
		"plain.example. AAAA":               {"plain.example. 300 IN AAAA 2001:db8::10"},
		"ruled.example. A":                  {"ruled.example. 300 IN A 192.0.2.66"},
		"ruled.example. AAAA":               {"ruled.example. 300 IN AAAA 2001:db8::66"},
		"ruled.example. HTTPS":              {`ruled.example. 300 IN HTTPS 1 . alpn="h3,h2" ipv4hint=192.0.2.66`},
		"ruled.example. TXT":                {`ruled.example. 300 IN TXT "hello"`},
		"alias.example. CNAME":              {"alias.example. 300 IN CNAME middle.example."},
		"middle.example. CNAME":             {"middle.example. 300 IN CNAME ruled.example."},
		"torefused.example. CNAME":          {"torefused.example. 300 IN CNAME refused.example."},
		"refused.example. A":                {"refused.example. 300 IN A 192.0.2.77"},
		"service.example. HTTPS":            {`service.example. 300 IN HTTPS 1 ruled.example. ipv4hint=192.0.2.66`},
		"_x._tcp.example. SRV":              {"_x._tcp.example. 300 IN SRV 1 1 443 ruled.example."},
		"ruledextra.example. MX":            {"ruledextra.example. 300 IN MX 1 ruled.example."},
		"ruledextra.example. EXTRA":         {"ruled.example. 300 IN A 192.0.2.66", "other.example. 300 IN A 192.0.2.12"},
		"zero.example. A":                   {"zero.example. 0 IN A 192.0.2.13"},
		"short.example. A":                  {"short.example. 5 IN A 192.0.2.14"},
		"_8443._https.ruled.example. HTTPS": {`_8443._https.ruled.example. 300 IN HTTPS 1 ruled.example. ipv4hint=192.0.2.66`},
	}, rcode: map[string]int{"gone.example.": miekg.RcodeNameError, "broken.example.": miekg.RcodeServerFailure}}
	for i := range 100 {
		o.zone["big.example. TXT"] = append(o.zone["big.example. TXT"], `big.example. 300 IN TXT "`+strings.Repeat(string(rune('a'+i%26)), 40)+string(rune('a'+i/26))+`"`)
	}
	o.serve(t)
	return o
}

// serve starts UDP and TCP on one port.
func (o *origin) serve(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o.addr = l.Addr().String()
	for _, srv := range []*miekg.Server{{Listener: l, Handler: o}, {PacketConn: p, Handler: o}} {
		go srv.ActivateAndServe()
		t.Cleanup(func() { srv.Shutdown() })
	}
}

// secure starts DoT and DoH with a certificate for "resolver.example", and returns
// their URLs and the roots.
func (o *origin) secure(t testing.TB) (dot, doh string, roots *x509.CertPool) {
	t.Helper()
	cert, roots := selfSigned(t, "resolver.example")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	srv := &miekg.Server{Listener: l, Handler: o}
	go srv.ActivateAndServe()
	t.Cleanup(func() { srv.Shutdown() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dot = "tls://resolver.example:" + port + "#127.0.0.1"

	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(o.serveHTTP), TLSConfig: conf.Clone()}
	go server.ServeTLS(web, "", "")
	t.Cleanup(func() { server.Close() })
	_, port, _ = net.SplitHostPort(web.Addr().String())
	return dot, "https://resolver.example:" + port + "/dns-query#127.0.0.1", roots
}

func (o *origin) serveHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var req miekg.Msg
	if r.Method != http.MethodPost || r.URL.Path != "/dns-query" || r.ProtoMajor != 2 ||
		r.Header.Get("Content-Type") != dohType || req.Unpack(raw) != nil || req.Id != 0 {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	packed, _ := o.reply(&req).Pack()
	w.Header().Set("Content-Type", dohType)
	w.Write(packed)
}

func selfSigned(t testing.TB, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// policy is the verdicts of the tests.
func policy(_ netip.Addr, name string) Verdict {
	switch name {
	case "ruled.example":
		return Redirect
	case "refused.example":
		return Refuse
	case "canary.example":
		return Absent
	}
	return None
}

var (
	self4 = netip.MustParseAddr("198.51.100.1")
	self6 = netip.MustParseAddr("2001:db8:5::1")
)

// newUpstreams is closed at the end of the test.
func newUpstreams(t testing.TB, cfg UpstreamConfig) *Upstreams {
	t.Helper()
	u, err := NewUpstreams(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// start runs a server on loopback; what cfg leaves open is filled in.
func start(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []string{"127.0.0.1:0"}
	}
	if cfg.Decide == nil {
		cfg.Decide = policy
	}
	if cfg.Addresses == nil {
		cfg.Addresses = func(_, _ netip.Addr) (v4, v6 netip.Addr) { return self4, self6 }
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the server does not end")
		}
	})
	return s, s.Addrs()[0].String()
}

// ask sends a question over "udp" or "tcp" and reads the answer.
func ask(t testing.TB, network, server, name string, qtype uint16, change ...func(*miekg.Msg)) *miekg.Msg {
	t.Helper()
	m := new(miekg.Msg).SetQuestion(name, qtype)
	for _, f := range change {
		f(m)
	}
	c := miekg.Client{Net: network, Timeout: 8 * time.Second, UDPSize: 4096}
	r, _, err := c.Exchange(m, server)
	if err != nil {
		t.Fatalf("%s %s: %v", name, miekg.TypeToString[qtype], err)
	}
	return r
}

func withEDNS(m *miekg.Msg) { m.SetEdns0(1232, true) }

// answers gives the answer section's data as text.
func answers(m *miekg.Msg) string {
	var out []string
	for _, r := range m.Answer {
		out = append(out, miekg.TypeToString[r.Header().Rrtype]+" "+strings.TrimPrefix(r.String(), r.Header().String()))
	}
	return strings.Join(out, ", ")
}

// rawQuery is a query's wire form.
func rawQuery(name string, qtype uint16) []byte {
	packed, err := new(miekg.Msg).SetQuestion(name, qtype).Pack()
	if err != nil {
		panic(err)
	}
	binary.BigEndian.PutUint16(packed, 0x1234)
	return packed
}
