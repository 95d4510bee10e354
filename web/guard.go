package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// policy lets the pages load from here alone, run nothing that stands in them, and be framed nowhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard stands before everything: which names we answer to, which pages may ask, and what a browser may do with
// what it gets.
func (s *Server) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !s.answersTo(r.Host) {
			f := forbidden("scrim is not asked by this name", "use its IP address, localhost, or a name that ends in .local")
			f.status = http.StatusMisdirectedRequest
			refuse(w, f)
			return
		}
		if err := origins.Check(r); err != nil {
			refuse(w, forbidden("another site asks for this change", "open scrim's own page"))
			return
		}
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" && strings.HasPrefix(r.URL.Path, "/api/") {
			refuse(w, forbidden("another site asks for this", "open scrim's own page"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answersTo says whether a Host field names us. A name that others can point anywhere (DNS rebinding) does not: IP
// addresses, localhost, *.local (RFC 6762, never in public DNS) and the configured names do.
func (s *Server) answersTo(host string) bool {
	name := hostOnly(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasSuffix(name, ".local") ||
		slices.ContainsFunc(s.cfg.Hosts, func(own string) bool { return name != "" && strings.EqualFold(own, name) })
}

// hostOnly is a Host field without port, brackets, zone and final dot, in lower case.
func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	host, _, _ = strings.Cut(host, "%")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// How a caller is known.
const (
	byLoopback = "loopback"
	bySession  = "session"
	byToken    = "token"
	byNothing  = "none"
)

// clientOf is the address that a request came from.
func clientOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// onLoopback says whether a request was made on this machine, for this machine. What another server hands on names
// the one it does so for, or came by another name.
func onLoopback(r *http.Request) bool {
	if !clientOf(r).IsLoopback() {
		return false
	}
	for _, field := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(field) != "" {
			return false
		}
	}
	name := hostOnly(r.Host)
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && addr.Unmap().IsLoopback()
}

// identify says how the caller is known.
func (s *Server) identify(r *http.Request) (how string, sess *session) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if s.access.token(strings.TrimSpace(bearer)) {
			return byToken, nil
		}
		return byNothing, nil // a wrong token is no reason to look further
	}
	if cookie, err := r.Cookie(cookieName); err == nil {
		if sess := s.access.session(cookie.Value); sess != nil {
			return bySession, sess
		}
	}
	if onLoopback(r) {
		return byLoopback, nil
	}
	return byNothing, nil
}

// known lets only callers through that are.
func (s *Server) known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if how, _ := s.identify(r); how == byNothing {
			f := &fault{status: http.StatusUnauthorized, Code: "unauthorized", Message: "a password is needed", Hint: "POST /api/v1/login, or send a token"}
			if !s.access.hasPassword() {
				f.Message, f.Hint = "a password has to be set first", "use the one-time code that scrim printed when it started"
			}
			refuse(w, f)
			return
		}
		next(w, r)
	}
}

// who names a caller for the ledger.
func (s *Server) who(r *http.Request) string {
	addr := clientOf(r)
	if addr.IsLoopback() {
		return "this machine"
	}
	if name := s.cfg.House.ClientName(addr.String()); name != "" {
		return name + " (" + addr.String() + ")"
	}
	return addr.String()
}
