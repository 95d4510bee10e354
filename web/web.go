// Package web is the review UI's server: the API of openapi.json, live events, metrics and the static pages.
//
// It reads the ledger and the inventory, and asks the running program for the rest through House. It changes
// traffic only through Switchboard.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/scrimproxy/scrim/audit"
)

// Config is all that a Server needs. House, Book and Inventory must be set.
type Config struct {
	Listen string   // "host:port" or ":port"
	Dir    string   // state_dir: password, sessions and tokens are kept there
	Hosts  []string // names by which this machine may be asked, beside IP addresses, localhost and *.local

	Version string
	Store   string        // word of the ledger's store
	KeepAge time.Duration // of the ledger; 0: no limit

	House     House
	Book      Book
	Inventory *audit.Inventory

	Log *slog.Logger     // nil: silent
	Now func() time.Time // nil: time.Now
}

// Bounds of what clients of the UI can take.
const (
	maxConnections = 512
	maxStreams     = 64
	maxRequestBody = 4 << 20 // a request that Explain is asked about
	maxHeader      = 32 << 10
)

// Server serves the UI. Its methods may be called concurrently.
type Server struct {
	cfg      Config
	listener net.Listener
	handler  http.Handler
	started  time.Time
	access   *access
	hub      *hub
	pages    *pages
	api      *page
	titles   titleCache
	tunnels  tunnelCache
}

// New opens the listener, so that what cannot be is said before anything runs.
func New(cfg Config) (*Server, error) {
	if cfg.House == nil || cfg.Book == nil || cfg.Inventory == nil {
		return nil, errors.New("web: House, Book and Inventory must be set")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	access, err := openAccess(cfg.Dir, cfg.Now)
	if err != nil {
		return nil, err
	}
	pages, err := newPages(embedded())
	if err != nil {
		return nil, err
	}
	api, err := newPage("openapi.json", document)
	if err != nil {
		return nil, err
	}
	api.kind = "application/json"
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %s (review UI): %w", cfg.Listen, err)
	}
	s := &Server{cfg: cfg, listener: listener, started: cfg.Now(), access: access, pages: pages, api: api}
	s.hub = newHub(s)
	s.handler = s.guard(s.routes())
	return s, nil
}

// Addr is where the UI listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Code is the one-time code with which the password can be set; "" where one is set already.
func (s *Server) Code() string { return s.access.oneTimeCode() }

// Local reports whether only this machine can reach the UI.
func (s *Server) Local() bool {
	addr, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// Close closes the listener of a Server that does not run.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends. Open streams end with it.
func (s *Server) Run(ctx context.Context) error {
	life, stop := context.WithCancel(ctx)
	hubDone := make(chan struct{})
	go func() {
		defer close(hubDone)
		s.hub.run(life)
	}()
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return life },
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	unhook := context.AfterFunc(ctx, func() {
		stop()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	defer unhook()
	err := srv.Serve(netutil.LimitListener(s.listener, maxConnections))
	stop()
	<-hubDone
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the review UI: %w", err)
}

// Changed tells open pages that something else than the ledger has changed: switches, rules, profile.
func (s *Server) Changed(what string) {
	s.titles.forget()
	s.hub.tell("changed", map[string]string{"what": what})
}
