package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
)

// socketName is the socket in state_dir through which the other verbs ask a running scrim. Whoever may
// enter the folder (0700) may use it.
const socketName = "control.sock"

// control is the listening end of the socket.
type control struct {
	listener net.Listener
	folder   *os.File // held open: the socket is reached through it
}

// openControl listens on the socket. One that nobody answers on is left over from a crash, and removed.
func openControl(cfg *config) (*control, error) {
	folder, err := os.Open(cfg.stateDir())
	if err != nil {
		return nil, fmt.Errorf("opening the state directory: %w", err)
	}
	path := socketPath(folder)
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		folder.Close()
		return nil, hinted(fmt.Errorf("another scrim runs with the state directory %q", cfg.stateDir()), "stop it, or give this one a state_dir of its own")
	}
	os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		folder.Close()
		return nil, fmt.Errorf("opening the control socket in %q: %s", cfg.stateDir(), cause(err))
	}
	return &control{listener, folder}, nil
}

func (c *control) close() error {
	err := c.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, c.folder.Close())
}

// status is what a running scrim says of itself.
type status struct {
	Version string            `json:"version"`
	Doors   map[string]string `json:"doors"`
	Proxy   proxy.Counters    `json:"proxy"`
	Rules   int               `json:"rules"`
	Outbox  waiting           `json:"outbox"`
	Reload  *reloadState      `json:"reload,omitempty"` // nil: there was none
}

// serve answers until ctx ends.
func (c *control) serve(ctx context.Context, h *house) error {
	srv := &http.Server{Handler: h.controls(), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the control socket: %w", err)
	}
	return nil
}

func (h *house) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.status(), nil) })
	mux.HandleFunc("GET /doctor", func(w http.ResponseWriter, r *http.Request) { answer(w, h.vitals(r.Context()), nil) })
	mux.HandleFunc("GET /coverage", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.coverage(), nil) })
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.reloadNow("asked to"), nil) })
	mux.HandleFunc("POST /log/list", asking(func(ctx context.Context, q logQuestion) (any, error) { return h.ledger.List(ctx, q.Filter) }))
	mux.HandleFunc("POST /log/get", asking(func(ctx context.Context, q logQuestion) (any, error) { return h.ledger.Get(ctx, q.ID) }))
	mux.HandleFunc("POST /log/verify", asking(func(ctx context.Context, _ logQuestion) (any, error) { return h.ledger.Verify(ctx) }))
	mux.HandleFunc("POST /log/export", h.answerExport)
	mux.HandleFunc("POST /log/follow", h.answerFollow)
	return mux
}

func (h *house) status() status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := status{Version: version(), Doors: map[string]string{}, Proxy: h.proxy.Counters(), Rules: len(h.book.set.Rules()), Outbox: h.holding.waiting()}
	for word, addr := range h.addrs() {
		s.Doors[word] = addr.String()
	}
	if !h.reload.Time.IsZero() {
		reload := h.reload
		s.Reload = &reload
	}
	return s
}

// logQuestion is what the log verbs ask.
type logQuestion struct {
	ID     string        `json:"id,omitempty"`
	Format string        `json:"format,omitempty"`
	Filter ledger.Filter `json:"filter"`
}

// notFound and failed are how the socket says that there is no answer.
const (
	notFound = http.StatusNotFound
	failed   = http.StatusInternalServerError
)

func asking(ask func(ctx context.Context, q logQuestion) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q logQuestion
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		v, err := ask(r.Context(), q)
		answer(w, v, err)
	}
}

func answer(w http.ResponseWriter, v any, err error) {
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		http.Error(w, err.Error(), notFound)
	case err != nil:
		http.Error(w, err.Error(), failed)
	default:
		json.NewEncoder(w).Encode(v) // a client that has gone is no error of ours
	}
}

func (h *house) answerExport(w http.ResponseWriter, r *http.Request) {
	var q logQuestion
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := h.ledger.Export(r.Context(), w, q.Format, q.Filter); err != nil {
		panic(http.ErrAbortHandler) // so that the other end sees that it is not whole
	}
}

func (h *house) answerFollow(w http.ResponseWriter, r *http.Request) {
	var q logQuestion
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	out.Flush()
	lines := json.NewEncoder(w)
	h.ledger.Follow(r.Context(), q.Filter, func(e ledger.Entry) error { // its error is that the other end has gone
		if err := lines.Encode(e); err != nil {
			return err
		}
		return out.Flush()
	})
}
