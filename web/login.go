package web

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// cookieName is the cookie of a session.
const cookieName = "scrim_session"

func sameDigest(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *Server) session(_ http.ResponseWriter, r *http.Request) (any, error) {
	how, sess := s.identify(r)
	answer := Session{Access: how, PasswordSet: s.access.hasPassword()}
	if sess != nil {
		answer.Expires = &sess.Expires
	}
	return answer, nil
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		Password string `json:"password"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if wait := s.access.tries.take(clientOf(r), s.cfg.Now()); wait > 0 {
		return nil, tooMany(wait)
	}
	if !s.access.hasPassword() {
		return nil, &fault{status: http.StatusConflict, Code: "conflict", Message: "no password is set yet", Hint: "set it with the one-time code that scrim printed when it started"}
	}
	if !s.access.passwordIs(in.Password) {
		s.cfg.Log.Warn("a wrong password was given to the review UI", "client", clientOf(r))
		return nil, &fault{status: http.StatusUnauthorized, Code: "unauthorized", Message: "that is not the password"}
	}
	return s.beginSession(w, r)
}

// beginSession answers with a cookie.
func (s *Server) beginSession(w http.ResponseWriter, r *http.Request) (any, error) {
	secret, expires, err := s.access.begin()
	if err != nil {
		return nil, err
	}
	s.access.tries.forgive(clientOf(r))
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: secret, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	expires = expires.UTC().Truncate(time.Second)
	return Session{Access: bySession, PasswordSet: true, Expires: &expires}, nil
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) (any, error) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, nil
	}
	return nil, s.access.end(cookie.Value)
}

func (s *Server) setPassword(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		Code string `json:"code"`
		Old  string `json:"old"`
		New  string `json:"new"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := CheckPassword(in.New); err != nil {
		return nil, badRequest("%s", err.Error())
	}
	if how, _ := s.identify(r); how != byLoopback {
		if err := s.mayReset(r, in.Code, in.Old); err != nil {
			return nil, err
		}
	}
	if err := s.access.setPassword(in.New); err != nil {
		return nil, err
	}
	s.cfg.Log.Info("the password of the review UI was set", "client", clientOf(r))
	return s.beginSession(w, r)
}

// mayReset asks for the old password, or for the one-time code where there is none.
func (s *Server) mayReset(r *http.Request, code, old string) error {
	if wait := s.access.tries.take(clientOf(r), s.cfg.Now()); wait > 0 {
		return tooMany(wait)
	}
	if s.access.hasPassword() {
		if s.access.passwordIs(old) {
			return nil
		}
		return &fault{status: http.StatusUnauthorized, Code: "unauthorized", Message: "that is not the password so far", Hint: "on scrim's machine, \"scrim password\" sets a new one"}
	}
	if s.access.useCode(code) {
		return nil
	}
	s.cfg.Log.Warn("a wrong one-time code was given to the review UI", "client", clientOf(r))
	f := &fault{status: http.StatusUnauthorized, Code: "unauthorized", Message: "that is not the one-time code", Hint: "scrim prints it when it starts"}
	if s.access.oneTimeCode() == "" {
		f.Message, f.Hint = "the one-time code is void after too many tries", "restart scrim for a new one, or use \"scrim password\" on its machine"
	}
	return f
}

func (s *Server) listTokens(http.ResponseWriter, *http.Request) (any, error) {
	type shown struct {
		ID      string     `json:"id"`
		Name    string     `json:"name"`
		Created time.Time  `json:"created"`
		Used    *time.Time `json:"last_used,omitempty"`
	}
	list := []shown{}
	for _, t := range s.access.tokens() {
		list = append(list, shown{t.ID, t.Name, t.Created, t.Used})
	}
	return map[string]any{"tokens": list}, nil
}

func (s *Server) makeToken(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" || len(in.Name) > 80 {
		return nil, badRequest("a token has a name of up to 80 bytes").hint("name it after what will use it")
	}
	t, secret, err := s.access.makeToken(in.Name)
	if err != nil {
		return nil, err
	}
	return struct {
		ID      string    `json:"id"`
		Name    string    `json:"name"`
		Created time.Time `json:"created"`
		Token   string    `json:"token"`
	}{t.ID, t.Name, t.Created, secret}, nil
}

func (s *Server) dropToken(_ http.ResponseWriter, r *http.Request) (any, error) {
	found, err := s.access.dropToken(r.PathValue("id"))
	if err == nil && !found {
		err = errors.New("there is no such token")
		return nil, notFound("%s", err.Error())
	}
	return nil, err
}

// Attempts at a password: a few at once, then one every while.
const (
	triesAtOnce = 5
	tryEvery    = 20 * time.Second
	maxTriers   = 1024
)

// tries limits attempts by client; of IPv6 by network, since a client has as many addresses as it likes.
type tries struct {
	mu sync.Mutex
	of map[netip.Prefix]bucket // guarded by mu
}

// bucket is when a client would have all its attempts again.
type bucket struct{ full time.Time }

// take uses up one attempt, or says in how many seconds there is one again.
func (t *tries) take(client netip.Addr, now time.Time) (wait int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[netip.Prefix]bucket{}
	}
	key := networkOf(client)
	b := t.of[key]
	if b.full.Before(now) {
		b.full = now
	}
	next := b.full.Add(tryEvery)
	if over := next.Sub(now) - triesAtOnce*tryEvery; over > 0 {
		return int(over/time.Second) + 1
	}
	if len(t.of) >= maxTriers {
		t.sweep(now)
	}
	t.of[key] = bucket{next}
	return 0
}

// sweep forgets who has all attempts again; where everyone is busy trying, all share one bucket's worth of mercy.
func (t *tries) sweep(now time.Time) {
	for key, b := range t.of {
		if !b.full.After(now) {
			delete(t.of, key)
		}
	}
	if len(t.of) >= maxTriers {
		clear(t.of)
	}
}

func (t *tries) forgive(client netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, networkOf(client))
}

func networkOf(client netip.Addr) netip.Prefix {
	bits := 32
	if client.Is6() {
		bits = 64
	}
	p, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
