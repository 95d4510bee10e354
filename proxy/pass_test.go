package proxy

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"strings"
	"testing"
	"time"
)

// secure opens a CONNECT to host and TLS inside it.
func (r *rig) secure(host string, protos ...string) *tls.Conn {
	r.t.Helper()
	raw, head := r.connect(host + ":443")
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		r.t.Fatalf("CONNECT answered %q", head)
	}
	conn := tls.Client(raw, &tls.Config{RootCAs: r.roots(), ServerName: host, NextProtos: protos})
	if err := conn.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// ask sends raw bytes and reads one response.
func ask(t *testing.T, conn io.ReadWriter, br *bufio.Reader, raw string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp, string(b)
}

func TestPassedRequestIsTheClientsOwn(t *testing.T) {
	for name, c := range map[string]struct{ request, target, body string }{
		"odd_target":     {"GET /a%2Fb/../c;x?q=1&q=%zz;&empty HTTP/1.1\r\nHost: app.example\r\n\r\n", "/a%2Fb/../c;x?q=1&q=%zz;&empty", ""},
		"double_slash":   {"GET //x//y HTTP/1.1\r\nHost: app.example\r\n\r\n", "//x//y", ""},
		"bars_quotes":    {"GET /a|b\"c^{}?x=[1] HTTP/1.1\r\nHost: app.example\r\n\r\n", "/a|b\"c^{}?x=[1]", ""},
		"question_mark":  {"GET /a? HTTP/1.1\r\nHost: app.example\r\n\r\n", "/a?", ""},
		"odd_method":     {"PURGE /a HTTP/1.1\r\nHost: app.example\r\nContent-Length: 3\r\n\r\nabc", "/a", "abc"},
		"bytes":          {"PUT /a HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n", "/a", "\x00\xff\r\n"},
		"read_by_a_rule": {"POST /collect HTTP/1.1\r\nHost: app.example\r\nContent-Length: 17\r\n\r\n{ \"event\":\"other\"", "/collect", ""},
		"star":           {"OPTIONS * HTTP/1.1\r\nHost: app.example\r\n\r\n", "*", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			conn := r.secure(mixedHost)
			ask(t, conn, bufio.NewReader(conn), c.request)
			if name == "read_by_a_rule" { // not JSON: the rule's on_error
				r.origin.nothing()
				return
			}
			if got := r.origin.only(); got.Target != c.target || got.Body != c.body || got.Host != mixedHost {
				t.Errorf("got %+v, want target %q body %q", got, c.target, c.body)
			}
		})
	}
}

func TestPassedFieldsAreTheClientsOwn(t *testing.T) {
	r := newRig(t)
	conn := r.secure(mixedHost)
	ask(t, conn, bufio.NewReader(conn), "POST /x HTTP/1.1\r\nHost: App.Example\r\nX-A: one\r\nX-A:  two, three \r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\n"+
		"Cookie: a=b\r\nConnection: keep-alive, X-Hop\r\nX-Hop: gone\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers, deflate\r\nContent-Length: 0\r\n\r\n")
	got := r.origin.only()
	want := http.Header{"X-A": {"one", "two, three"}, "X-Forwarded-For": {"1.2.3.4"}, "Forwarded": {"for=x"}, "Cookie": {"a=b"}, "Content-Length": {"0"}, "Te": {"trailers"}}
	if !reflect.DeepEqual(got.Header, want) {
		t.Errorf("got %v, want %v", got.Header, want)
	}
	if got.Host != "App.Example" && got.Proto == "HTTP/1.1" {
		t.Errorf("host %q", got.Host)
	}
}

func TestAnswerIsTheOriginsOwn(t *testing.T) {
	r := newRig(t)
	r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		w.Header()["Date"] = nil
		w.Header().Set("X-B", "1")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(207)
		io.WriteString(w, "\x1f\x8bnot gzip")
	})
	resp, text := r.do(r.client(false), "GET", "https://app.example/", "")
	if resp.StatusCode != 207 || text != "\x1f\x8bnot gzip" || resp.Header.Get("X-B") != "1" {
		t.Errorf("got %d %q %v", resp.StatusCode, text, resp.Header)
	}
	for _, name := range []string{"Content-Type", "Date", "Via", "X-Forwarded-For", "Server"} {
		if v, ok := resp.Header[name]; ok {
			t.Errorf("%s: %q was added", name, v)
		}
	}
}

func TestChunkedUploadWithTrailersPasses(t *testing.T) {
	r := newRig(t)
	conn := r.secure(mixedHost)
	ask(t, conn, bufio.NewReader(conn), "POST /x HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n")
	if got := r.origin.only(); got.Body != "hello" || got.Trailer.Get("X-Sum") != "42" || got.Length != -1 {
		t.Errorf("got %+v", got)
	}
}

func TestAnswerTrailersPass(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "body")
			w.Header().Set("X-Sum", "42")
		})
		resp, _ := r.do(r.client(h2), "GET", "https://app.example/", "")
		if got := resp.Trailer.Get("X-Sum"); got != "42" {
			t.Errorf("trailer %q", got)
		}
	})
}

func TestInformationalAnswersPass(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(200)
		})
		var codes []int
		req, _ := http.NewRequest("GET", "https://app.example/", nil)
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			codes = append(codes, code)
			if h.Get("Link") == "" {
				t.Error("no Link in 103")
			}
			return nil
		}}))
		resp, err := r.client(h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if !reflect.DeepEqual(codes, []int{103}) {
			t.Errorf("got %v", codes)
		}
	})
}

func TestExpectContinueIsTheOriginsToAnswer(t *testing.T) {
	r := newRig(t)
	r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(417)
	})
	conn := r.secure(mixedHost)
	resp, _ := ask(t, conn, bufio.NewReader(conn), "POST /x HTTP/1.1\r\nHost: app.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if resp.StatusCode != 417 {
		t.Errorf("status %d, want the origin's refusal before the body", resp.StatusCode)
	}
}

func TestServerSentEventsAreNotHeldBack(t *testing.T) {
	for _, target := range []string{"https://app.example/", "http://clear.example/"} {
		for _, length := range []string{"", "11"} {
			t.Run(target+length, func(t *testing.T) {
				r := newRig(t)
				next := make(chan struct{})
				h := func(w http.ResponseWriter, _ *http.Request) {
					if length != "" {
						w.Header().Set("Content-Length", length)
					} else {
						w.Header().Set("Content-Type", "text/event-stream")
					}
					io.WriteString(w, "data: 1")
					w.(http.Flusher).Flush()
					<-next
					io.WriteString(w, "last")
				}
				r.origin.handle(h)
				r.clear.handle(h)
				resp, err := r.client(false).Get(target)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b := make([]byte, 7)
				if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "data: 1" {
					t.Errorf("got %q, %v", b, err)
				}
				close(next)
				if rest, _ := io.ReadAll(resp.Body); string(rest) != "last" {
					t.Errorf("rest %q", rest)
				}
			})
		}
	}
}

func TestStreamsFlowBothWays(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		r.origin.handle(func(w http.ResponseWriter, req *http.Request) {
			http.NewResponseController(w).EnableFullDuplex()
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			buf := make([]byte, 16)
			for {
				n, err := req.Body.Read(buf)
				w.Write(bytes.ToUpper(buf[:n]))
				w.(http.Flusher).Flush()
				if err != nil {
					return
				}
			}
		})
		pr, pw := io.Pipe()
		req, _ := http.NewRequest("POST", "https://app.example/echo", pr)
		resp, err := r.client(h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for _, word := range []string{"one", "two"} {
			io.WriteString(pw, word)
			b := make([]byte, 3)
			if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != strings.ToUpper(word) {
				t.Fatalf("got %q, %v", b, err)
			}
		}
		pw.Close()
	})
}

func TestLargeBodiesPassByteForByte(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		body := make([]byte, 8<<20)
		rand.Read(body)
		var up [32]byte
		r.origin.handle(func(w http.ResponseWriter, req *http.Request) {
			b, _ := io.ReadAll(req.Body)
			up = sha256.Sum256(b)
			w.Write(b)
		})
		_, text := r.do(r.client(h2), "POST", "https://app.example/up", string(body))
		if up != sha256.Sum256(body) || text != string(body) {
			t.Error("bodies differ")
		}
	})
}

// upgrade is an origin that speaks a toy protocol after 101.
func upgrade(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Upgrade") == "" {
		io.WriteString(w, "not asked to upgrade")
		return
	}
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\nhello", req.Header.Get("Upgrade"))
	rw.Flush()
	io.Copy(conn, rw)
}

func TestWebSocketPasses(t *testing.T) {
	r := newRig(t)
	r.origin.handle(upgrade)
	conn := r.secure(mixedHost)
	br := bufio.NewReader(conn)
	io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("got %v, %v", resp, err)
	}
	io.WriteString(conn, " and back")
	b := make([]byte, 14)
	if _, err := io.ReadFull(br, b); err != nil || string(b) != "hello and back" {
		t.Errorf("got %q, %v", b, err)
	}
	conn.Close()
	r.counters(1)
}

func TestOtherUpgradesAreNotForwardedOnRuledHosts(t *testing.T) {
	r := newRig(t)
	r.origin.handle(upgrade)
	conn := r.secure(mixedHost)
	resp, text := ask(t, conn, bufio.NewReader(conn), "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n")
	if resp.StatusCode != 200 || text != "not asked to upgrade" {
		t.Errorf("got %d %q", resp.StatusCode, text)
	}
}

func TestOriginThatDiesMidAnswerBreaksTheAnswerOff(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		_, text, err := try(r.client(h2), "GET", "https://app.example/", "")
		if err == nil {
			t.Errorf("got %q without an error", text)
		}
		time.Sleep(10 * time.Millisecond)
		r.counters(1)
		if e := r.entries(); len(e) != 1 || e[0].Result == nil || e[0].Result.Error == "" {
			t.Errorf("entries %+v", e)
		}
	})
}
