package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// echo is a TCP server that says hello if asked to, sends back what it gets, and after the client's end says bye.
func echo(t *testing.T, hello string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.WriteString(c, hello)
				io.Copy(c, c)
				io.WriteString(c, "bye")
			}()
		}
	}()
	return l.Addr().String()
}

func fixed(name, addr string) func(*Config) {
	return func(c *Config) { c.Upstream.Hosts[name] = addr }
}

func TestTunnelIsBlindAndCounted(t *testing.T) {
	r := newRig(t)
	raw, _ := r.connect(plainHost + ":443")
	conn := tls.Client(raw, &tls.Config{RootCAs: r.roots(), ServerName: plainHost})
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().PeerCertificates[0].Issuer.CommonName; got != "test origins" {
		t.Errorf("certificate of %q: the tunnel was not blind", got)
	}
	conn.Close()
	if c := r.counters(1); c.Tunnelled != 1 {
		t.Errorf("counters %+v", c)
	}
	r.stopAndCheckTunnel(plainHost)
}

// stopAndCheckTunnel waits for the tunnel's total.
func (r *rig) stopAndCheckTunnel(host string) {
	r.t.Helper()
	for range 200 {
		totals, err := r.book.Tunnels(context.Background(), time.Time{}, time.Time{})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(totals) == 1 && totals[0].Host == host && totals[0].Count == 1 && totals[0].BytesIn > 0 && totals[0].BytesOut > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Error("no total of the tunnel")
}

func TestTunnelHalfCloses(t *testing.T) {
	addr := echo(t, "")
	r := newRig(t, fixed("echo.example", addr))
	conn, head := r.connect("echo.example:7")
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		t.Fatal(head)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		conn.Write(big)
		conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, append(big, "bye"...)) {
		t.Errorf("got %d bytes, %v; want %d and bye", len(got), err, len(big))
	}
}

func TestServerFirstProtocolIsTunnelled(t *testing.T) {
	r := newRig(t, fixed("mail.example", echo(t, "220 ready\r\n")))
	conn, _ := r.connect("mail.example:25")
	b := make([]byte, 11)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "220 ready\r\n" {
		t.Fatalf("got %q, %v", b, err)
	}
	io.WriteString(conn, "HELO x\r\n")
	if _, err := io.ReadFull(conn, b[:8]); err != nil || string(b[:8]) != "HELO x\r\n" {
		t.Errorf("got %q, %v", b[:8], err)
	}
}

func TestLateClientIsStillLookedAt(t *testing.T) {
	r := newRig(t)
	raw, _ := r.connect(plainHost + ":443")
	time.Sleep(3 * r.p.cfg.Limits.Silence)
	conn := tls.Client(raw, &tls.Config{RootCAs: r.roots(), ServerName: telemetryHost})
	if err := conn.Handshake(); err == nil {
		t.Error("a connection opened early and used late for a telemetry host was tunnelled")
	}
	if c := r.counters(1); c.Refused != 1 {
		t.Errorf("counters %+v", c)
	}
	r.origin.nothing()
}

func TestEarlyBytesAfterConnectAreKept(t *testing.T) {
	r := newRig(t, fixed("echo.example", echo(t, "")))
	conn, err := net.Dial("tcp", r.door())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "CONNECT echo.example:7 HTTP/1.1\r\nHost: echo.example:7\r\n\r\nearly bytes")
	if head := readHead(t, conn); !strings.HasPrefix(head, "HTTP/1.1 200") {
		t.Fatal(head)
	}
	b := make([]byte, 11)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "early bytes" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestTunnelIsClosedWhenScrimStops(t *testing.T) {
	r := newRig(t, fixed("echo.example", echo(t, "")))
	conn, _ := r.connect("echo.example:7")
	io.WriteString(conn, "x")
	io.ReadFull(conn, make([]byte, 1))
	start := time.Now()
	r.stop()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if n := r.p.conns.len(); n != 0 {
		t.Errorf("%d connections still listed", n)
	}
}
