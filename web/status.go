package web

import (
	"context"
	"net/http"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
)

// Status is how scrim is.
type Status struct {
	Version    string         `json:"version"`
	Node       string         `json:"node"`
	Time       time.Time      `json:"time"`
	Started    time.Time      `json:"started"`
	Ready      bool           `json:"ready"`
	Doors      []Door         `json:"doors"`
	Authority  Authority      `json:"ca"`
	Ledger     LedgerState    `json:"ledger"`
	Counters   LedgerCounters `json:"counters"`
	Proxy      ProxyCounters  `json:"proxy"`
	Waiting    []Waiting      `json:"waiting"`
	Pinned     []Pinned       `json:"pinned"`
	Drift      DriftState     `json:"drift"`
	Reload     *Reload        `json:"reload"`
	Rules      int            `json:"rules"`
	Products   int            `json:"products"`
	Profile    string         `json:"profile"`
	Originals  bool           `json:"originals"`
	FirstEvent *time.Time     `json:"first_event"`
}

// LedgerState is how the ledger is.
type LedgerState struct {
	Store   string   `json:"store"`
	Used    int64    `json:"used"`
	Limit   int64    `json:"limit"`
	KeepAge int64    `json:"keep_age"` // seconds
	Records int64    `json:"records"`
	Fault   string   `json:"fault,omitempty"`
	Notes   []string `json:"notes"`
}

// DriftState counts drift.
type DriftState struct {
	Count  int    `json:"count"`
	Week   int    `json:"week"`
	Latest *Drift `json:"latest"`
}

// Drift is something that the rules or the inventory did not know.
type Drift struct {
	Time    time.Time `json:"time"`
	What    string    `json:"what"`
	Product string    `json:"product,omitempty"`
	Host    string    `json:"host"`
	Event   string    `json:"event,omitempty"`
	Name    string    `json:"name"`
	Detail  string    `json:"detail,omitempty"`
}

func shownDrift(d audit.Drift) Drift { return Drift(d) }

// storeTimeout is how long an answer about the ledger may take before the page is told that it does not answer.
const storeTimeout = 5 * time.Second

// status never fails: what does not answer is shown as such.
func (s *Server) status(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	state, products := s.cfg.House.State(), s.cfg.House.Products()
	rules, _ := s.cfg.House.Rules()
	out := Status{
		Version: s.cfg.Version, Node: s.cfg.Book.Node(), Time: s.cfg.Now().UTC(), Started: s.started.UTC(), Ready: state.Ready && s.cfg.Book.Fault() == nil,
		Doors: orEmpty(state.Doors), Authority: state.Authority, Waiting: orEmpty(state.Waiting), Pinned: orEmpty(state.Pinned), Reload: state.Reload,
		Rules: len(rules), Products: len(products.Products), Profile: products.Profile, Originals: state.Originals, Proxy: state.Proxy,
	}
	out.Doors = append(out.Doors[:len(out.Doors):len(out.Doors)], Door{Name: "web", Address: s.Addr().String(), Use: s.reachable()})
	out.Proxy.Complete = out.Proxy.Counters.Complete()
	if out.Reload != nil {
		reload := fullReload(*out.Reload)
		out.Reload = &reload
	}
	out.Ledger = s.ledgerState(ctx)
	if n, err := s.counters(ctx); err != nil {
		out.Ledger.Fault = err.Error()
	} else {
		out.Counters, out.Ledger.Records = n, n.Records
	}
	all, week := s.cfg.Inventory.DriftSince(s.cfg.Now().AddDate(0, 0, -7))
	out.Drift = DriftState{Count: all, Week: week}
	if latest := s.cfg.Inventory.Drift(1); len(latest) > 0 {
		d := shownDrift(latest[0])
		out.Drift.Latest = &d
	}
	out.FirstEvent = s.firstEvent()
	return out, nil
}

func (s *Server) ledgerState(ctx context.Context) LedgerState {
	l := LedgerState{Store: s.cfg.Store, KeepAge: int64(s.cfg.KeepAge / time.Second), Notes: orEmpty(s.cfg.Book.Notes())}
	var err error
	if l.Used, l.Limit, err = s.cfg.Book.Usage(ctx); err != nil {
		l.Fault = err.Error()
	}
	if err := s.cfg.Book.Fault(); err != nil {
		l.Fault = err.Error()
	}
	return l
}

func (s *Server) counters(ctx context.Context) (LedgerCounters, error) {
	n, err := s.cfg.Book.Counters(ctx)
	if err != nil {
		return LedgerCounters{}, err
	}
	out := LedgerCounters{Counters: countersOf(n), Lost: n.Lost, Records: n.Records}
	out.Complete = out.Counters.Complete()
	return out, nil
}

func countersOf(n ledger.Counters) Counters {
	return Counters{Seen: n.Seen, Passed: n.Passed, Generalized: n.Generalized, Dropped: n.Dropped, Held: n.Held, Refused: n.Refused, Tunnelled: n.Tunnelled, Failed: n.Failed}
}

// firstEvent is when the first exchange was counted; nil: none was.
func (s *Server) firstEvent() *time.Time {
	since := s.cfg.Inventory.Since()
	if since.IsZero() {
		return nil
	}
	return &since
}

// orEmpty is a list that is written as [] where it is empty.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func fullReload(r Reload) Reload {
	r.Faults, r.Later = orEmpty(r.Faults), orEmpty(r.Later)
	return r
}

func (s *Server) config(http.ResponseWriter, *http.Request) (any, error) {
	out := s.cfg.House.Settings()
	out.Settings = orEmpty(out.Settings)
	return out, nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "ok\n") }

// readyz says whether telemetry is being looked after: doors are open, and the ledger takes entries.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	switch err := s.cfg.Book.Fault(); {
	case !s.cfg.House.State().Ready:
		plainText(w, http.StatusServiceUnavailable, "the doors are not open\n")
	case err != nil:
		plainText(w, http.StatusServiceUnavailable, "the ledger does not take entries\n")
	default:
		plainText(w, http.StatusOK, "ok\n")
	}
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(text)) // a client that has gone is no error of ours
}
