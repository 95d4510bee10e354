package web

import "net/http"

// route is one line of the API.
type route struct {
	pattern string
	public  bool // answers without a password
	handle  http.HandlerFunc
}

// table is everything that is served. What openapi.json lists and what is listed here is the same; a test holds it.
func (s *Server) table() []route {
	return []route{
		{"GET /api/v1/session", true, asked(s.session)},
		{"POST /api/v1/login", true, asked(s.login)},
		{"POST /api/v1/logout", true, asked(s.logout)},
		{"POST /api/v1/password", true, asked(s.setPassword)},
		{"GET /api/v1/tokens", false, asked(s.listTokens)},
		{"POST /api/v1/tokens", false, asked(s.makeToken)},
		{"DELETE /api/v1/tokens/{id}", false, asked(s.dropToken)},

		{"GET /api/v1/status", false, asked(s.status)},
		{"GET /api/v1/entries", false, asked(s.entries)},
		{"GET /api/v1/entries/{id}", false, asked(s.entry)},
		{"GET /api/v1/export", false, s.export},
		{"POST /api/v1/verify", false, asked(s.verify)},
		{"GET /api/v1/events", false, s.events},

		{"GET /api/v1/products", false, asked(s.products)},
		{"POST /api/v1/profile", false, asked(s.setProfile)},
		{"POST /api/v1/products/{product}/profile", false, asked(s.setProductProfile)},
		{"POST /api/v1/products/{product}/kinds/{kind}", false, asked(s.setSwitch)},
		{"POST /api/v1/products/{product}/pause", false, asked(s.pause)},
		{"DELETE /api/v1/products/{product}/pause", false, asked(s.resume)},
		{"POST /api/v1/reload", false, asked(s.reload)},

		{"GET /api/v1/fields", false, asked(s.fields)},
		{"GET /api/v1/drift", false, asked(s.drift)},
		{"GET /api/v1/hosts", false, asked(s.hosts)},
		{"GET /api/v1/coverage", false, asked(s.coverage)},
		{"GET /api/v1/rules", false, asked(s.rules)},
		{"POST /api/v1/rules/explain", false, asked(s.explain)},
		{"GET /api/v1/setup", false, asked(s.setup)},
		{"GET /api/v1/setup/qr.svg", false, s.qr},
		{"GET /api/v1/charts", false, asked(s.charts)},
		{"GET /api/v1/config", false, asked(s.config)},
		{"GET /api/v1/openapi.json", true, s.openapi},

		{"GET /ca.pem", true, s.caPEM},
		{"GET /ca.der", true, s.caDER},
		{"GET /proxy.pac", true, s.pac},
		{"GET /metrics", false, s.metrics},
		{"GET /healthz", true, s.healthz},
		{"GET /readyz", true, s.readyz},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		handle := r.handle
		if !r.public {
			handle = s.known(handle)
		}
		mux.HandleFunc(r.pattern, handle)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, notFound("there is no %s %s", r.Method, r.URL.Path))
	})
	mux.Handle("/", s.pages)
	return mux
}
