package web

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/VictoriaMetrics/metrics"
)

// metrics writes what a monitor wants to know, in the text format of Prometheus. Labels are few, and none is chosen by
// what is sent through scrim.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	state := s.cfg.House.State()
	metrics.WriteGaugeUint64(w, fmt.Sprintf("scrim_info{version=%q}", s.cfg.Version), 1)
	gauge(w, "scrim_ready", boolean(state.Ready && s.cfg.Book.Fault() == nil))
	s.writeLedger(ctx, w)
	writeProxy(w, &state.Proxy)
	waiting := 0
	for _, line := range state.Waiting {
		waiting += line.Count
	}
	gauge(w, "scrim_held_parts", int64(waiting))
	gauge(w, "scrim_pinned_clients", int64(len(state.Pinned)))
	drift, _ := s.cfg.Inventory.DriftSince(s.cfg.Now())
	gauge(w, "scrim_drift_entries", int64(drift))
	gauge(w, "scrim_ca_expiry_timestamp_seconds", state.Authority.NotAfter.Unix())
	if state.Reload != nil {
		gauge(w, "scrim_config_last_reload_successful", boolean(state.Reload.Good))
		gauge(w, "scrim_config_last_reload_timestamp_seconds", state.Reload.Time.Unix())
	}
	metrics.WriteProcessMetrics(w)
}

// writeLedger writes the totals since the ledger was begun. Columns may go down by one when a held request ends or an
// answer fails, so they are gauges; the sum never does.
func (s *Server) writeLedger(ctx context.Context, w io.Writer) {
	gauge(w, "scrim_ledger_healthy", boolean(s.cfg.Book.Fault() == nil))
	if n, err := s.counters(ctx); err == nil {
		count(w, "scrim_seen_total", n.Seen)
		for _, c := range []struct {
			verdict string
			n       int64
		}{{"pass", n.Passed}, {"generalize", n.Generalized}, {"drop", n.Dropped}, {"hold", n.Held}, {"refuse", n.Refused}, {"tunnel", n.Tunnelled}, {"failed", n.Failed}} {
			gauge(w, fmt.Sprintf("scrim_requests{verdict=%q}", c.verdict), c.n)
		}
		count(w, "scrim_ledger_records_total", n.Records)
		count(w, "scrim_ledger_lost_total", n.Lost)
	}
	if used, limit, err := s.cfg.Book.Usage(ctx); err == nil {
		gauge(w, "scrim_ledger_bytes", used)
		gauge(w, "scrim_ledger_limit_bytes", limit)
	}
}

func writeProxy(w io.Writer, n *ProxyCounters) {
	gauge(w, "scrim_connections", int64(n.Connections))
	count(w, "scrim_not_served_total", n.NotServed)
	count(w, "scrim_over_limit_total", n.OverLimit)
	count(w, "scrim_pinned_total", n.Pinned)
	count(w, "scrim_drift_total", n.Drift)
	count(w, "scrim_ledger_fault_total", n.LedgerFault)
	count(w, "scrim_panics_total", n.Panics)
}

func gauge(w io.Writer, name string, value int64) { metrics.WriteGaugeFloat64(w, name, float64(value)) }

func count(w io.Writer, name string, value int64) {
	metrics.WriteCounterUint64(w, name, uint64(max(0, value)))
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
