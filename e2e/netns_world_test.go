//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// labWorld is the internet of a lab: one server for every name, and a name server.
type labWorld struct {
	release chan struct{} // lets the second event of /sse leave

	mu  sync.Mutex // guards got
	got []arrived
}

// bulkSize is how much is sent up and down.
const bulkSize = 100 << 20

// stream is bytes that no codec repeats, and their digest.
type stream struct {
	left int
	n    uint32
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(len(p), s.left)]
	for i := range p {
		s.n = s.n*1664525 + 1013904223
		p[i] = byte(s.n >> 24)
	}
	s.left -= len(p)
	return len(p), nil
}

func digest(r io.Reader) string {
	h := sha256.New()
	io.CopyBuffer(h, struct{ io.Reader }{r}, make([]byte, 1<<20))
	return hex.EncodeToString(h.Sum(nil))
}

func newWorld(l *lab) *labWorld {
	w := &labWorld{release: make(chan struct{})}
	l.inside(l.net, func() {
		for _, port := range []string{":443", ":80"} {
			ln, err := net.Listen("tcp", port)
			if err != nil {
				l.t.Fatal(err)
			}
			l.t.Cleanup(func() { ln.Close() })
			serveOn(l.t, ln, l.ca, w, w.raw)
		}
		for _, addr := range []string{origin4, origin6, far4, far6} { // so that answers come from there
			p, err := net.ListenPacket("udp", net.JoinHostPort(addr, "443"))
			if err != nil {
				l.t.Fatal(err)
			}
			l.t.Cleanup(func() { p.Close() })
			go echoPackets(p)
		}
		ln, err := net.Listen("tcp", dns4+":53")
		if err != nil {
			l.t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", dns4+":53")
		if err != nil {
			l.t.Fatal(err)
		}
		tcp, udp := &miekg.Server{Listener: ln, Handler: miekg.HandlerFunc(answerName)}, &miekg.Server{PacketConn: pc, Handler: miekg.HandlerFunc(answerName)}
		go tcp.ActivateAndServe()
		go udp.ActivateAndServe()
		l.t.Cleanup(func() { tcp.Shutdown(); udp.Shutdown() })
	})
	return w
}

func echoPackets(p net.PacketConn) {
	buf := make([]byte, 2000)
	for {
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			return
		}
		p.WriteTo(buf[:n], from)
	}
}

// answerName is the name server of the internet: every name of example has the origin's addresses, and hints by which
// clients would go around us.
func answerName(w miekg.ResponseWriter, q *miekg.Msg) {
	m := new(miekg.Msg).SetReply(q)
	asked := q.Question[0]
	name := strings.ToLower(asked.Name)
	add := func(format string, args ...any) {
		rr, err := miekg.NewRR(fmt.Sprintf(format, args...))
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	if name == "alias.home.example." {
		add("%s 300 IN CNAME stats.home.example.", name)
		name = "stats.home.example."
	}
	v4, v6 := origin4, origin6
	if name == "far.example." {
		v4, v6 = far4, far6
	}
	switch {
	case !strings.HasSuffix(name, ".example."):
		m.Rcode = miekg.RcodeNameError
	case asked.Qtype == miekg.TypeA:
		add("%s 300 IN A %s", name, v4)
	case asked.Qtype == miekg.TypeAAAA:
		add("%s 300 IN AAAA %s", name, v6)
	case asked.Qtype == miekg.TypeHTTPS:
		add("%s 300 IN HTTPS 1 . alpn=h3,h2 ipv4hint=%s ipv6hint=%s", name, v4, v6)
	case asked.Qtype == miekg.TypeSVCB:
		add("%s 300 IN SVCB 1 . alpn=h3 ipv4hint=%s", name, v4)
	}
	w.WriteMsg(m)
}

// ServeHTTP keeps what arrives and answers by path.
func (w *labWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/up":
		io.WriteString(rw, digest(r.Body))
		return
	case "/down":
		rw.Header().Set("Content-Length", fmt.Sprint(bulkSize))
		io.CopyBuffer(struct{ io.Writer }{rw}, struct{ io.Reader }{&stream{left: bulkSize}}, make([]byte, 1<<20))
		return
	case "/sse":
		rw.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(rw, "data: one\n\n")
		http.NewResponseController(rw).Flush()
		select {
		case <-w.release:
		case <-time.After(10 * time.Second):
		}
		io.WriteString(rw, "data: two\n\n")
		return
	case "/socket":
		echoSocket(rw)
		return
	}
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	w.got = append(w.got, arrived{Proto: r.Proto, Method: r.Method, Host: r.Host, Target: r.RequestURI, Header: r.Header.Clone(), Body: body})
	w.mu.Unlock()
	fmt.Fprintf(rw, "origin of %s", r.Host)
}

// echoSocket changes protocols and sends back what comes (RFC 6455, section 4.2.2, without looking into frames).
func echoSocket(rw http.ResponseWriter) {
	conn, buf, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	io.Copy(conn, buf)
}

// raw takes connections to raw.example: it reads to the end, and only then answers with the digest of all.
func (w *labWorld) raw(c net.Conn, r *bufio.Reader) bool {
	if first, err := r.Peek(1); err != nil || first[0] != 0x16 {
		return false
	}
	head, err := r.Peek(200)
	if err != nil || !bytes.Contains(head, []byte("raw.example")) {
		return false
	}
	go func() {
		defer c.Close()
		io.WriteString(c, digest(r))
	}()
	return true
}

// take gives what has arrived since the last call.
func (w *labWorld) take() []arrived {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = nil
	return got
}

// lineBuffer keeps output and says when a word has come.
type lineBuffer struct {
	mark  string
	marks chan struct{}

	mu  sync.Mutex // guards all
	all bytes.Buffer
}

func (b *lineBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.Write(p)
	if bytes.Contains(b.all.Bytes(), []byte(b.mark)) {
		select {
		case b.marks <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}

func (b *lineBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
