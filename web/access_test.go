package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// from asks the handler as if the request had come from an address, by a name.
func (r *rig) from(client, host, method, path, body string, set ...func(*http.Request)) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(r.Context())
	req.RemoteAddr, req.Host = client, host
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, change := range set {
		change(req)
	}
	w := httptest.NewRecorder()
	r.server.handler.ServeHTTP(w, req)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

const (
	lan  = "192.168.1.50:40000"
	here = "127.0.0.1:40000"
	name = "192.168.1.2:3131"
)

// logIn sets the password with the one-time code and returns the cookie.
func (r *rig) logIn() func(*http.Request) {
	r.Helper()
	w := r.from(lan, name, "POST", "/api/v1/password", fmt.Sprintf(`{"code":%q,"new":"correct horse"}`, r.server.Code()))
	if w.Code != http.StatusOK {
		r.Fatalf("setting the password: %d %s", w.Code, w.Body)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Path != "/" {
		r.Fatalf("cookies %v", cookies)
	}
	return header("Cookie", cookies[0].Name+"="+cookies[0].Value)
}

func TestWhoMayAsk(t *testing.T) {
	r := newRig(t)
	cookie := r.logIn()
	token := func() func(*http.Request) {
		var made struct{ Token string }
		w := r.from(lan, name, "POST", "/api/v1/tokens", `{"name":"grafana"}`, cookie)
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || !strings.HasPrefix(made.Token, tokenPrefix) {
			t.Fatalf("%s: %v", w.Body, err)
		}
		return header("Authorization", "Bearer "+made.Token)
	}()
	for _, c := range []struct {
		name, client, host, path string
		set                      []func(*http.Request)
		want                     int
	}{
		{"this machine", here, "localhost:3131", "/api/v1/status", nil, 200},
		{"this machine by address", here, "127.0.0.1:3131", "/api/v1/status", nil, 200},
		{"this machine by IPv6", "[::1]:4000", "[::1]:3131", "/api/v1/status", nil, 200},
		{"another server of this machine handing on", here, "127.0.0.1:3131", "/api/v1/status", []func(*http.Request){header("X-Forwarded-For", "203.0.113.9")}, 401},
		{"this machine by its name in the house", here, "nas.local:3131", "/api/v1/status", nil, 401},
		{"the house without a password", lan, name, "/api/v1/status", nil, 401},
		{"the house claiming to be this machine", lan, "localhost:3131", "/api/v1/status", nil, 401},
		{"the house with a session", lan, name, "/api/v1/status", []func(*http.Request){cookie}, 200},
		{"the house with a token", lan, name, "/api/v1/status", []func(*http.Request){token}, 200},
		{"a wrong token", lan, name, "/api/v1/status", []func(*http.Request){header("Authorization", "Bearer scrim_x")}, 401},
		{"a wrong token on this machine", here, "localhost", "/api/v1/status", []func(*http.Request){header("Authorization", "Bearer x")}, 401},
		{"a wrong session", lan, name, "/api/v1/status", []func(*http.Request){header("Cookie", "scrim_session=x")}, 401},
		{"an empty session", lan, name, "/api/v1/status", []func(*http.Request){header("Cookie", "scrim_session=")}, 401},
		{"metrics without a password", lan, name, "/metrics", nil, 401},
		{"metrics with a token", lan, name, "/metrics", []func(*http.Request){token}, 200},
		{"live events without a password", lan, name, "/api/v1/events", nil, 401},
		{"export without a password", lan, name, "/api/v1/export", nil, 401},
		{"the certificate", lan, name, "/ca.pem", nil, 200},
		{"the proxy configuration", lan, name, "/proxy.pac", nil, 200},
		{"the health", lan, name, "/healthz", nil, 200},
		{"the login page", lan, name, "/", nil, 200},
		{"who am I", lan, name, "/api/v1/session", nil, 200},
		{"a name of the house", lan, "nas.local", "/api/v1/status", []func(*http.Request){cookie}, 200},
		{"a configured name", lan, "BOX:3131", "/api/v1/status", []func(*http.Request){cookie}, 200},
		{"a name that anyone can point here", lan, "evil.example:3131", "/api/v1/status", []func(*http.Request){cookie}, 421},
		{"such a name on this machine", here, "evil.example:3131", "/api/v1/status", nil, 421},
		{"such a name for a page", here, "evil.example", "/", nil, 421},
		{"no name", here, "", "/", nil, 421},
		{"a name that looks local", lan, "local.evil.example", "/api/v1/status", []func(*http.Request){cookie}, 421},
		{"another site reading", here, "localhost:3131", "/api/v1/status", []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.path == "/api/v1/events" && c.want == 200 {
				t.Skip("would not end")
			}
			if w := r.from(c.client, c.host, "GET", c.path, "", c.set...); w.Code != c.want {
				t.Errorf("got %d, want %d: %.200s", w.Code, c.want, w.Body)
			}
		})
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	r := newRig(t)
	cookie := r.logIn()
	path := "/api/v1/products/plex/kinds/playback"
	for _, c := range []struct {
		name string
		set  []func(*http.Request)
		want int
	}{
		{"own page", []func(*http.Request){header("Sec-Fetch-Site", "same-origin"), header("Origin", "http://"+name)}, 200},
		{"a program", nil, 200},
		{"another site", []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		{"another port of this machine", []func(*http.Request){header("Sec-Fetch-Site", "same-site")}, 403},
		{"an old browser on another site", []func(*http.Request){header("Origin", "http://evil.example")}, 403},
		{"a page without origin", []func(*http.Request){header("Origin", "null")}, 403},
		{"a form", []func(*http.Request){header("Content-Type", "text/plain")}, 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(r.house.chosen)
			w := r.from(lan, name, "POST", path, `{"switch":"drop"}`, append(c.set, cookie)...)
			if w.Code != c.want {
				t.Errorf("got %d, want %d: %s", w.Code, c.want, w.Body)
			}
			if changed := len(r.house.chosen) > before; changed != (c.want == 200) {
				t.Errorf("changed: %v", changed)
			}
		})
	}
	if who := r.house.who[0]; who != "192.168.1.50" {
		t.Errorf("the ledger would say %q", who)
	}
}

func TestPasswordsAreTriedSlowly(t *testing.T) {
	r := newRig(t)
	r.logIn()
	codes := map[int]int{}
	for range triesAtOnce + 3 {
		codes[r.from(lan, name, "POST", "/api/v1/login", `{"password":"wrong wrong"}`).Code]++
	}
	if codes[401] != triesAtOnce || codes[429] != 3 {
		t.Errorf("answers by status: %v", codes)
	}
	w := r.from(lan, name, "POST", "/api/v1/login", `{"password":"correct horse"}`)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the right one, too early: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := r.from("192.168.1.51:1", name, "POST", "/api/v1/login", `{"password":"correct horse"}`); w.Code != 200 {
		t.Errorf("another client: %d %s", w.Code, w.Body)
	}
}

func TestAttemptsComeBack(t *testing.T) {
	var list tries
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	client := clientOf(&http.Request{RemoteAddr: "[2001:db8::1]:1"})
	neighbour := clientOf(&http.Request{RemoteAddr: "[2001:db8::2]:1"})
	for i := range triesAtOnce {
		if wait := list.take(client, now); wait != 0 {
			t.Fatalf("attempt %d waits %d s", i, wait)
		}
	}
	if list.take(neighbour, now) == 0 {
		t.Error("a client with many IPv6 addresses has as many attempts")
	}
	if list.take(client, now.Add(tryEvery-time.Second)) == 0 {
		t.Error("an attempt came back early")
	}
	if wait := list.take(client, now.Add(tryEvery+time.Second)); wait != 0 {
		t.Errorf("no attempt came back; wait %d s", wait)
	}
}

func TestTheCodeIsForOnce(t *testing.T) {
	r := newRig(t)
	code := r.server.Code()
	if len(code) != 12 || ShownCode(code) != code[:4]+"-"+code[4:8]+"-"+code[8:] {
		t.Errorf("code %q shown as %q", code, ShownCode(code))
	}
	if w := r.from(lan, name, "POST", "/api/v1/password", `{"code":"AAAA-AAAA-AAAA","new":"correct horse"}`); w.Code != 401 {
		t.Errorf("a wrong code: %d", w.Code)
	}
	typed := strings.ToLower(ShownCode(code))
	if w := r.from(lan, name, "POST", "/api/v1/password", fmt.Sprintf(`{"code":%q,"new":"correct horse"}`, typed)); w.Code != 200 {
		t.Fatalf("the code: %d %s", w.Code, w.Body)
	}
	if r.server.Code() != "" {
		t.Error("there is still a code")
	}
	if w := r.from(lan, name, "POST", "/api/v1/password", fmt.Sprintf(`{"code":%q,"new":"another one"}`, code)); w.Code != 401 {
		t.Errorf("the code again: %d", w.Code)
	}
	if w := r.from(lan, name, "POST", "/api/v1/password", `{"old":"correct horse","new":"battery staple"}`); w.Code != 200 {
		t.Errorf("the old password: %d %s", w.Code, w.Body)
	}
}

func TestTooManyCodesVoidIt(t *testing.T) {
	a, err := openAccess("", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	code := a.oneTimeCode()
	for range codeTries {
		a.useCode("WRONG")
	}
	if a.useCode(code) || a.oneTimeCode() != "" {
		t.Error("the code still works")
	}
}

func TestANewPasswordEndsSessions(t *testing.T) {
	r := newRig(t)
	cookie := r.logIn()
	if w := r.from(lan, name, "POST", "/api/v1/password", `{"old":"correct horse","new":"battery staple"}`, cookie); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if w := r.from(lan, name, "GET", "/api/v1/status", "", cookie); w.Code != 401 {
		t.Errorf("the old session: %d", w.Code)
	}
}

func TestSessionsEnd(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	a, err := openAccess(t.TempDir(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := a.begin()
	if err != nil || a.session(secret) == nil {
		t.Fatal("no session", err)
	}
	now = now.Add(sessionLife + time.Second)
	if a.session(secret) != nil {
		t.Error("it is over and still holds")
	}
	if secret, _, err = a.begin(); err != nil || a.end(secret) != nil || a.session(secret) != nil {
		t.Error("it was ended and still holds", err)
	}
}

func TestAccessOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	a, err := openAccess(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.setPassword("correct horse"); err != nil {
		t.Fatal(err)
	}
	session, _, err := a.begin()
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := a.makeToken("grafana")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, accessName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(filepath.Join(dir, accessName))
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []string{"correct horse", session, secret} {
		if strings.Contains(string(data), clear) {
			t.Errorf("the file holds %q in clear", clear)
		}
	}
	b, err := openAccess(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if b.oneTimeCode() != "" || !b.passwordIs("correct horse") || b.passwordIs("x") || b.session(session) == nil || !b.token(secret) || b.token("scrim_x") {
		t.Error("something was forgotten, or too much is believed")
	}
}

func TestAPasswordSetBesideUsIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	a, err := openAccess(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if err := SetPassword(dir, "from the shell"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * lookAtFile)
	if !a.passwordIs("from the shell") || a.oneTimeCode() != "" {
		t.Error("it was not noticed")
	}
}

func TestABrokenFileStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, accessName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openAccess(dir, time.Now); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("got %v: a broken file must not mean no password", err)
	}
}

func TestLoggingOutEndsLiveEvents(t *testing.T) {
	r := newRigOn(t, ledger.Config{}, "127.0.0.1:0")
	cookie := r.logIn()
	req := httptest.NewRequest("GET", "/api/v1/status", nil)
	cookie(req)
	req.RemoteAddr, req.Host = lan, name
	if how, _ := r.server.identify(req); how != bySession {
		t.Fatalf("known by %s", how)
	}
	if w := r.from(lan, name, "POST", "/api/v1/logout", "", cookie); w.Code != http.StatusNoContent {
		t.Fatal(w.Code)
	}
	if how, _ := r.server.identify(req); how != byNothing {
		t.Errorf("after logging out known by %s", how)
	}
}
