//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// way is a door as a client uses it.
type way struct {
	name string
	door string                                            // as the ledger names it
	args func(host string) []string                        // of curl
	dial func(l *lab, host, port string) (net.Conn, error) // to host, through the door
}

func byProxy() way {
	return way{"explicit", "proxy", func(string) []string { return []string{"--proxy", "http://" + router4 + ":3128"} },
		func(l *lab, host, port string) (net.Conn, error) {
			c, err := l.dial(l.client, "tcp", "["+router6+"]:3128")
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(c, "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", host, port, host, port)
			res, err := http.ReadResponse(bufio.NewReaderSize(oneByte{c}, 16), nil)
			if err == nil && res.StatusCode != 200 {
				err = fmt.Errorf("CONNECT: %s", res.Status)
			}
			return c, err
		}}
}

// oneByte keeps a buffered reader from reading ahead.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

func bySOCKS() way {
	return way{"socks", "socks", func(string) []string { return []string{"--socks5-hostname", router4 + ":1080"} },
		func(l *lab, host, port string) (net.Conn, error) {
			c, err := l.dial(l.client, "tcp", router4+":1080")
			if err != nil {
				return nil, err
			}
			number := 443
			fmt.Sscan(port, &number)
			// RFC 1928, sections 3 and 4
			c.Write(append(append([]byte{5, 1, 0, 5, 1, 0, 3, byte(len(host))}, host...), byte(number>>8), byte(number)))
			reply := make([]byte, 2+10)
			if _, err := io.ReadFull(c, reply); err != nil || reply[3] != 0 {
				return nil, fmt.Errorf("SOCKS: %v, %v", reply, err)
			}
			return c, nil
		}}
}

func byName() way {
	return way{"redirected", "redirected", func(host string) []string {
		if strings.HasSuffix(host, ".home.example") {
			return nil // DNS says where
		}
		return []string{"--resolve", host + ":443:" + router4}
	}, func(l *lab, _, port string) (net.Conn, error) {
		return l.dial(l.client, "tcp", net.JoinHostPort(router4, port))
	}}
}

func byAddress(name string, six bool) way {
	flag, addr := "-4", origin4
	if six {
		flag, addr = "-6", origin6
	}
	return way{name, "transparent", func(string) []string { return []string{flag} },
		func(l *lab, _, port string) (net.Conn, error) {
			return l.dial(l.client, "tcp", net.JoinHostPort(addr, port))
		}}
}

// TestDoors runs the same suite through every door.
func TestDoors(t *testing.T) {
	const listen = "dns: {answer: %s, upstreams: [\"udp://" + dns4 + "\"]}\nlisten: {dns: \":53\", web: \"\", %s}\n"
	const clients = "[" + client4 + ", " + client6 + "]"
	t.Run("named", func(t *testing.T) {
		l := newLab(t)
		l.serve(fmt.Sprintf(listen, "self", `proxy: ":3128", socks: ":1080", collector: ":3130", tls: ":443", http: ":80"`), false)
		for _, w := range []way{byProxy(), bySOCKS(), byName()} {
			t.Run(w.name, func(t *testing.T) { l.suite(t, w) })
		}
		t.Run("collector", l.collector)
		t.Run("dns", func(t *testing.T) { l.namesDoNotLeak(t, router4, router6) })
		t.Run("clients", l.realClients)
		t.Run("doctor", l.healthy)
	})
	for _, mode := range []string{"redirect", "tproxy"} {
		for _, scope := range []string{"rules", "all"} {
			t.Run(mode+"-"+scope, func(t *testing.T) {
				l := newLab(t)
				l.serve(fmt.Sprintf(listen, "origin", `proxy: "", transparent: ":3129"`)+"firewall: {mode: "+mode+", scope: "+scope+", clients: "+clients+"}\n", true)
				l.in(l.client, nil, "dig", "+short", "stats.home.example", "A") // the addresses are in the sets from here on
				l.in(l.client, nil, "dig", "+short", "stats.home.example", "AAAA")
				for _, w := range []way{byAddress("ipv4", false), byAddress("ipv6", true)} {
					t.Run(w.name, func(t *testing.T) { l.suite(t, w) })
				}
				t.Run("dns", func(t *testing.T) { l.namesDoNotLeak(t, origin4, origin6) })
				t.Run("quic", func(t *testing.T) { l.quicFallsBack(t, scope == "all") })
				if mode == "redirect" {
					t.Run("clients", l.realClients)
				}
			})
		}
	}
}

// suite is what every door has to do.
func (l *lab) suite(t *testing.T, w way) {
	stats, mixed, free := w.args("stats.home.example"), w.args("mixed.home.example"), w.args("free.example")
	curl := func(way []string, args ...string) string {
		t.Helper()
		out, code := l.curl(append(append([]string{}, way...), args...)...)
		if code != 0 {
			t.Errorf("curl %v: exit %d: %s", args, code, out)
		}
		return out
	}
	l.world.take()

	out := curl(stats, "--http2", "-d", `{"minutes": 94, "name": "me-myself"}`, "https://stats.home.example/report")
	check(t, "rewritten", out, "origin of stats.home.example 200 2")
	got := l.world.take()
	if len(got) != 1 || string(got[0].Body) != `{"minutes":90}` || got[0].Proto != "HTTP/2.0" {
		t.Errorf("rewritten: the origin has %+v", got)
	}
	check(t, "rewritten, HTTP/1.1", curl(stats, "--http1.1", "-d", `{"minutes": 61}`, "https://stats.home.example/report"), "200 1.1")
	check(t, "rewritten, plain", curl(stats, "-d", `{"minutes": 61}`, "http://stats.home.example/report"), "200 1.1")
	for _, a := range l.world.take() {
		if string(a.Body) != `{"minutes":60}` {
			t.Errorf("rewritten: the origin has %s", a.Body)
		}
	}
	check(t, "dropped", curl(stats, "-d", `{"secret": 1}`, "https://stats.home.example/click"), "{} 200")
	check(t, "unknown", curl(stats, "-d", `{"secret": 1}`, "https://stats.home.example/elsewhere"), " 200")
	if got := l.world.take(); len(got) != 0 {
		t.Errorf("dropped: the origin has %+v", got)
	}
	if out, code := l.curl(append(w.args("refused.example"), "https://refused.example/")...); code == 0 && !strings.Contains(out, "403") {
		t.Errorf("refused: %s", out)
	}
	check(t, "passed", curl(mixed, "-X", "PUT", "-d", "as it is \x01", "https://mixed.home.example/a%20b?x=1"), "200")
	if got := l.world.take(); len(got) != 1 || string(got[0].Body) != "as it is \x01" || got[0].Target != "/a%20b?x=1" {
		t.Errorf("passed: the origin has %+v", got)
	}
	check(t, "tunnelled", curl(free, "--cacert", l.ca.file, "https://free.example/"), "origin of free.example 200 2")
	t.Run("bulk", func(t *testing.T) {
		if w.name != "ipv6" { // each once through the transparent door, to save time
			l.bulk(t, append(mixed, "https://mixed.home.example"))
		}
		if w.name != "ipv4" {
			l.bulk(t, append(free, "https://free.example"))
		}
	})
	t.Run("socket", func(t *testing.T) { l.socket(t, w) })
	t.Run("events", func(t *testing.T) { l.events(t, w) })
	t.Run("raw", func(t *testing.T) { l.rawTunnel(t, w) })
	t.Run("slow", func(t *testing.T) { l.slow(t, w) })
	if log, _ := l.scrim("log", "--json"); !strings.Contains(log, `"door": "`+w.door+`"`) {
		t.Errorf("the ledger has no entry of door %s", w.door)
	}
}

// check looks for a text in what came.
func check(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// bulk sends 100 MB each way and compares digests.
func (l *lab) bulk(t *testing.T, urls ...[]string) {
	file, want := l.bulkFile(t)
	for _, u := range urls {
		way, url := u[:len(u)-1], u[len(u)-1]
		if out, _ := l.curl(append(append([]string{}, way...), "-T", file, "-H", "Expect:", url+"/up")...); !strings.HasPrefix(out, want) {
			t.Errorf("up to %s: got %s, want digest %s", url, out, want)
		}
		down := filepath.Join(t.TempDir(), "down")
		out, _ := l.curl(append(append([]string{}, way...), "-o", down, url+"/down")...)
		got, err := os.Open(down)
		if err != nil {
			t.Fatalf("down from %s: %s, %v", url, out, err)
		}
		if sum := digest(got); sum != want {
			t.Errorf("down from %s: %s: got digest %s, want %s", url, out, sum, want)
		}
		got.Close()
		os.Remove(down)
	}
}

// bulkFile is what goes up, and its digest.
func (l *lab) bulkFile(t *testing.T) (file, sum string) {
	if l.bulkSum != "" {
		return l.bulkName, l.bulkSum
	}
	l.bulkName = filepath.Join(l.dir, "big")
	f, err := os.Create(l.bulkName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l.bulkSum = digest(io.TeeReader(&stream{left: bulkSize}, f))
	return l.bulkName, l.bulkSum
}

// secure speaks TLS to host through a door.
func (l *lab) secure(t *testing.T, w way, host string, wrap func(net.Conn) net.Conn, protos ...string) (*tls.Conn, error) {
	c, err := w.dial(l, host, "443")
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if wrap != nil {
		c = wrap(c)
	}
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(l.both)
	if err != nil {
		return nil, err
	}
	pool.AppendCertsFromPEM(pem)
	s := tls.Client(c, &tls.Config{ServerName: host, RootCAs: pool, NextProtos: protos})
	return s, s.Handshake()
}

func (l *lab) socket(t *testing.T, w way) {
	c, err := l.secure(t, w, "mixed.home.example", nil, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /socket HTTP/1.1\r\nHost: mixed.home.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	for _, frame := range []string{"\x81\x05hello", "\x82\x7e\x01\x00" + strings.Repeat("x", 256)} {
		io.WriteString(c, frame)
		got := make([]byte, len(frame))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != frame {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// events sees the first event before the second has left.
func (l *lab) events(t *testing.T, w way) {
	c, err := l.secure(t, w, "mixed.home.example", nil, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /sse HTTP/1.1\r\nHost: mixed.home.example\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(res.Body)
	began := time.Now()
	if line, err := lines.ReadString('\n'); line != "data: one\n" || time.Since(began) > 5*time.Second {
		t.Errorf("got %q, %v after %v", line, err, time.Since(began))
	}
	select {
	case l.world.release <- struct{}{}:
	case <-time.After(5 * time.Second):
		t.Error("the origin does not wait")
	}
	if rest, _ := io.ReadAll(lines); string(rest) != "\ndata: two\n\n" {
		t.Errorf("got %q", rest)
	}
}

// dribble sends its first bytes one by one, each a segment of its own.
type dribble struct {
	net.Conn
	left *int
}

func (d dribble) Write(p []byte) (int, error) {
	for i := range p {
		if *d.left == 0 {
			n, err := d.Conn.Write(p[i:])
			return i + n, err
		}
		*d.left--
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// longHello is a list of protocols that makes a ClientHello of 18 KB, more than one record holds.
func longHello(first string) []string {
	protos := []string{first}
	for i := range 72 {
		protos = append(protos, fmt.Sprintf("%03d%s", i, strings.Repeat("x", 247)))
	}
	return protos
}

// slow greets an intercepted host with 18 KB in segments of one byte, and then sends its body bit by bit.
func (l *lab) slow(t *testing.T, w way) {
	left := 18 << 10
	c, err := l.secure(t, w, "stats.home.example", func(c net.Conn) net.Conn { return dribble{c, &left} }, longHello("http/1.1")...)
	if err != nil {
		t.Fatal(err)
	}
	l.world.take()
	body := `{"minutes": 94, "name": "me-myself"}`
	fmt.Fprintf(c, "POST /report HTTP/1.1\r\nHost: stats.home.example\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	for i := 0; i < len(body); i += 12 {
		time.Sleep(100 * time.Millisecond)
		io.WriteString(c, body[i:min(i+12, len(body))])
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, %v", res, err)
	}
	if got := l.world.take(); len(got) != 1 || string(got[0].Body) != `{"minutes":90}` {
		t.Errorf("the origin has %+v", got)
	}
}

// rawTunnel sends a ClientHello of 18 KB to a host that no rule names, in segments of one byte, then what is no TLS at
// all, ends its half, and still hears the answer: a digest of every byte.
func (l *lab) rawTunnel(t *testing.T, w way) {
	var hello bytes.Buffer
	tls.Client(recorder{&hello}, &tls.Config{ServerName: "raw.example", NextProtos: longHello("h2")}).Handshake()
	if hello.Len() < 18<<10 {
		t.Fatalf("the ClientHello has %d bytes", hello.Len())
	}
	c, err := w.dial(l, "raw.example", "443")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	sum := sha256.New()
	left := 18 << 10
	out := io.MultiWriter(dribble{c, &left}, sum)
	out.Write(hello.Bytes())
	io.CopyN(out, &stream{left: bulkSize}, 1<<20)
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if want := hex.EncodeToString(sum.Sum(nil)); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %s", got, err, want)
	}
}

// recorder keeps what is written and gives nothing to read.
type recorder struct{ *bytes.Buffer }

func (recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (recorder) Close() error                     { return nil }
func (recorder) LocalAddr() net.Addr              { return nil }
func (recorder) RemoteAddr() net.Addr             { return nil }
func (recorder) SetDeadline(time.Time) error      { return nil }
func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }
