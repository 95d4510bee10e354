package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
)

// Hosts is what was tunnelled, and what rules speak of.
type Hosts struct {
	Since   time.Time   `json:"since"`
	Tunnels []Tunnel    `json:"tunnels"`
	Totals  Totals      `json:"totals"`
	Ruled   []RuledHost `json:"ruled"`
}

// Tunnel is one host that is not decrypted.
type Tunnel struct {
	Host          string    `json:"host"`
	Count         int64     `json:"count"`
	BytesIn       int64     `json:"bytes_in"`
	BytesOut      int64     `json:"bytes_out"`
	Clients       []string  `json:"clients"`
	First         time.Time `json:"first"`
	Last          time.Time `json:"last"`
	TelemetryLike bool      `json:"telemetry_like"`
	Why           string    `json:"why,omitempty"`
}

// Totals are those of all tunnels.
type Totals struct {
	Hosts    int   `json:"hosts"`
	Count    int64 `json:"count"`
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
}

// maxShownTunnels and maxShownClients bound an answer; totals are of all.
const (
	maxShownTunnels = 1000
	maxShownClients = 32
)

// tunnelCache keeps totals for a moment: adding them up reads every tunnel record of the time. The longer that took,
// the longer they are kept.
type tunnelCache struct {
	mu  sync.Mutex            // held while adding up, so that it is done once
	sum map[int]*tunnelTotals // by days; guarded by mu
}

type tunnelTotals struct {
	list  []ledger.TunnelTotal
	until time.Time // they are good
}

// Bounds of the cache.
const (
	tunnelsFor  = 2 * time.Second
	tunnelShare = 50 // at most this part of the time goes into adding up
	maxSums     = 8
)

func (c *tunnelCache) get(ctx context.Context, s *Server, days int) (since time.Time, list []ledger.TunnelTotal, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.cfg.Now()
	year, month, day := now.Date()
	since = time.Date(year, month, day-days+1, 0, 0, 0, 0, now.Location())
	if t := c.sum[days]; t != nil && now.Before(t.until) {
		return since, t.list, nil
	}
	began := time.Now()
	if list, err = s.cfg.Book.Tunnels(ctx, since, time.Time{}); err != nil {
		return since, nil, err
	}
	if len(c.sum) >= maxSums || c.sum == nil {
		c.sum = map[int]*tunnelTotals{}
	}
	c.sum[days] = &tunnelTotals{list, now.Add(max(tunnelsFor, tunnelShare*time.Since(began)))}
	return since, list, nil
}

func (s *Server) hosts(_ http.ResponseWriter, r *http.Request) (any, error) {
	days, err := number(r, "days", 7, 1, 365)
	if err != nil {
		return nil, err
	}
	since, list, err := s.tunnels.get(r.Context(), s, days)
	if err != nil {
		return nil, err
	}
	ruled := orEmpty(s.cfg.House.Hosts())
	out := Hosts{Since: since, Ruled: ruled, Tunnels: s.byHost(list)}
	for i := range out.Tunnels {
		t := &out.Tunnels[i]
		out.Totals.Hosts++
		out.Totals.Count += t.Count
		out.Totals.BytesIn += t.BytesIn
		out.Totals.BytesOut += t.BytesOut
		if t.Host == ledger.OtherHosts || slices.ContainsFunc(ruled, func(h RuledHost) bool { return covers(h.Name, t.Host) }) {
			continue
		}
		t.Why = audit.TelemetryLike(t.Host, audit.Shape{Count: t.Count, BytesIn: t.BytesIn, BytesOut: t.BytesOut})
		t.TelemetryLike = t.Why != ""
	}
	if len(out.Tunnels) > maxShownTunnels {
		out.Tunnels = out.Tunnels[:maxShownTunnels]
	}
	return out, nil
}

// byHost adds up totals by host, most bytes first. Clients are shown by their names.
func (s *Server) byHost(list []ledger.TunnelTotal) []Tunnel {
	at := map[string]int{}
	out := []Tunnel{}
	for _, t := range list { // the newest hour first
		i, known := at[t.Host]
		if !known {
			i = len(out)
			at[t.Host] = i
			out = append(out, Tunnel{Host: t.Host, Clients: []string{}, Last: t.Hour})
		}
		h := &out[i]
		h.Count += t.Count
		h.BytesIn += t.BytesIn
		h.BytesOut += t.BytesOut
		h.First = t.Hour
		if t.Client != "" && len(h.Clients) < maxShownClients {
			name := t.Client
			if own := s.cfg.House.ClientName(t.Client); own != "" {
				name = own
			}
			if !slices.Contains(h.Clients, name) {
				h.Clients = append(h.Clients, name)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Tunnel) int {
		return cmp.Or(cmp.Compare(b.BytesIn+b.BytesOut, a.BytesIn+a.BytesOut), cmp.Compare(a.Host, b.Host))
	})
	return out
}

// Coverage is what comes through scrim of each client, and what goes around it.
type Coverage struct {
	Since   time.Time               `json:"since"`
	DNSDoor bool                    `json:"dns_door"` // questions are seen
	Clients []ledger.CoverageClient `json:"clients"`
}

func (s *Server) coverage(http.ResponseWriter, *http.Request) (any, error) {
	out := s.cfg.House.Coverage()
	out.Clients = orEmpty(out.Clients)
	return out, nil
}

// Charts is what people would rather look at.
type Charts struct {
	Since    time.Time      `json:"since"`
	Days     []ChartDay     `json:"days"`
	Products []ChartProduct `json:"products"`
	Tunnels  []ChartTunnel  `json:"tunnels"`
}

// ChartDay is one day.
type ChartDay struct {
	Day         string `json:"day"`
	Passed      int64  `json:"passed"`
	Generalized int64  `json:"generalized"`
	Dropped     int64  `json:"dropped"`
	Held        int64  `json:"held"`
	Refused     int64  `json:"refused"`
	Failed      int64  `json:"failed"`
	HeldBack    int64  `json:"fields_held_back"`
	Changed     int64  `json:"fields_changed"`
	Tunnels     int64  `json:"tunnels"`
	TunnelBytes int64  `json:"tunnel_bytes"`
}

// ChartProduct is what was seen of one product.
type ChartProduct struct {
	Product  string `json:"product"`
	Title    string `json:"title"`
	Events   int64  `json:"events"`
	HeldBack int64  `json:"fields_held_back"`
}

// ChartTunnel is what was tunnelled to one host.
type ChartTunnel struct {
	Host     string `json:"host"`
	BytesIn  int64  `json:"bytes_in"`
	BytesOut int64  `json:"bytes_out"`
}

const maxChartTunnels = 20

func (s *Server) charts(_ http.ResponseWriter, r *http.Request) (any, error) {
	days, err := number(r, "days", 30, 1, 90)
	if err != nil {
		return nil, err
	}
	since, list, err := s.tunnels.get(r.Context(), s, days)
	if err != nil {
		return nil, err
	}
	out := Charts{Since: since, Days: make([]ChartDay, days), Products: []ChartProduct{}, Tunnels: []ChartTunnel{}}
	at := map[string]*ChartDay{}
	for i, d := range s.cfg.Inventory.Days(s.cfg.Now(), days) {
		out.Days[i] = ChartDay{Day: d.Name, Passed: d.Passed, Generalized: d.Generalized, Dropped: d.Dropped, Held: d.Held, Refused: d.Refused, Failed: d.Failed,
			HeldBack: d.HeldBack, Changed: d.Changed}
		at[d.Name] = &out.Days[i]
	}
	for _, t := range list {
		if d := at[t.Hour.In(s.cfg.Now().Location()).Format(time.DateOnly)]; d != nil {
			d.Tunnels += t.Count
			d.TunnelBytes += t.BytesIn + t.BytesOut
		}
	}
	names := s.titles.get(s)
	for _, p := range s.cfg.Inventory.Products() {
		out.Products = append(out.Products, ChartProduct{p.Product, names.title(p.Product), p.Events, p.HeldBack})
	}
	for i, t := range s.byHost(list) {
		if i == maxChartTunnels {
			break
		}
		out.Tunnels = append(out.Tunnels, ChartTunnel{t.Host, t.BytesIn, t.BytesOut})
	}
	return out, nil
}
