package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// hello is the ClientHello of config.
func hello(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	go tls.Client(client, config).Handshake()
	server.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1<<17)
	n, _ := io.ReadAtLeast(server, buf, 5)
	for n < 5+int(buf[3])<<8+int(buf[4]) {
		m, err := server.Read(buf[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	return buf[:n]
}

// large is a ClientHello of 15 KB in one record.
func large(t testing.TB) []byte {
	var protos []string
	for len(protos) < 150 {
		protos = append(protos, strings.Repeat("p", 98))
	}
	return hello(t, &tls.Config{ServerName: telemetryHost, NextProtos: append(protos, "h2", "http/1.1")})
}

// fragment cuts the handshake message of a record into records of n bytes.
func fragment(record []byte, n int) []byte {
	var out []byte
	for msg := record[5:]; len(msg) > 0; {
		k := min(n, len(msg))
		out = append(append(out, 22, 3, 1, byte(k>>8), byte(k)), msg[:k]...)
		msg = msg[k:]
	}
	return out
}

func TestIdentify(t *testing.T) {
	big := large(t)
	for name, c := range map[string]struct {
		in   []byte
		want peeked
		more bool
	}{
		"tls":              {hello(t, &tls.Config{ServerName: "a.example"}), peeked{saidTLS, "a.example"}, false},
		"tls_large":        {big, peeked{saidTLS, telemetryHost}, false},
		"tls_fragmented":   {fragment(big, 1000), peeked{saidTLS, telemetryHost}, false},
		"tls_cut":          {big[:9000], peeked{}, true},
		"tls_begun":        {[]byte{22}, peeked{}, true},
		"tls_no_sni":       {hello(t, &tls.Config{InsecureSkipVerify: true}), peeked{saidTLS, ""}, false},
		"tls_garbled":      {[]byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 0}, peeked{speech: saidGarbled}, false},
		"not_tls":          {[]byte{22, 9, 9}, peeked{speech: saidOther}, false},
		"http":             {[]byte("GET / HTTP/1.1\r\nHost: A.example:80\r\n\r\n"), peeked{saidHTTP, "A.example:80"}, false},
		"http_absolute":    {[]byte("GET http://b.example/ HTTP/1.1\r\nHost: a\r\n\r\n"), peeked{saidHTTP, "b.example"}, false},
		"http_bare_lf":     {[]byte("GET / HTTP/1.1\nHost: a\n\n"), peeked{saidHTTP, "a"}, false},
		"http_begun":       {[]byte("GE"), peeked{}, true},
		"http_no_end":      {[]byte("GET / HTTP/1.1\r\nHost: a\r\n"), peeked{}, true},
		"http_two_hosts":   {[]byte("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), peeked{speech: saidGarbled}, false},
		"http_garbled":     {[]byte("GET /\r\n\r\n"), peeked{speech: saidGarbled}, false},
		"other":            {[]byte("SSH-2.0-OpenSSH"), peeked{speech: saidOther}, false},
		"bittorrent":       {[]byte("\x13BitTorrent protocol"), peeked{speech: saidOther}, false},
		"lower_case_words": {[]byte("helo x"), peeked{speech: saidOther}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, more := identify(c.in)
			if got != c.want || more != c.more {
				t.Errorf("got %+v %v, want %+v %v", got, more, c.want, c.more)
			}
		})
	}
}

func TestClientHelloInTinySegments(t *testing.T) {
	r := newRig(t)
	conn, _ := r.connect(telemetryHost + ":443")
	conn.(*net.TCPConn).SetNoDelay(true)
	config := &tls.Config{RootCAs: r.roots(), ServerName: telemetryHost}
	for range 60 {
		config.NextProtos = append(config.NextProtos, strings.Repeat("p", 90))
	}
	config.NextProtos = append(config.NextProtos, "http/1.1")
	if err := tls.Client(&dribble{Conn: conn}, config).Handshake(); err != nil {
		t.Error(err)
	}
}

// dribble writes byte by byte.
type dribble struct{ net.Conn }

func (d *dribble) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := d.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func FuzzIdentify(f *testing.F) {
	f.Add(hello(f, &tls.Config{ServerName: "a.example"}))
	f.Add(fragment(large(f), 3))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		got, more := identify(b)
		if more && got != (peeked{}) {
			t.Errorf("asks for more and answers %+v", got)
		}
		if again, moreAgain := identify(b); again != got || more != moreAgain {
			t.Error("two answers for the same bytes")
		}
	})
}

func FuzzSplitAuthority(f *testing.F) {
	for _, s := range []string{"a.example:443", "[::1]:80", "0x7f.1:80", "ä.example", "a..b:1", "2130706433"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, port, err := splitAuthority(s, 443)
		if err != nil {
			return
		}
		if port == 0 {
			t.Error("port 0")
		}
		again, err := cleanHost(host)
		if err != nil || again != host {
			t.Errorf("%q cleans to %q, which cleans to %q, %v", s, host, again, err)
		}
	})
}
