package ledger

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// TunnelTotal is what went through tunnels of one client to one host in one hour.
type TunnelTotal struct {
	Hour     time.Time `json:"hour"`
	Client   string    `json:"client"`
	Host     string    `json:"host"`
	Port     uint16    `json:"port"`
	Count    int64     `json:"count"` // connections
	BytesIn  int64     `json:"bytes_in"`
	BytesOut int64     `json:"bytes_out"`
}

// Bounds of tunnel totals.
const (
	maxTunnels    = 4096             // keys in memory; what comes beyond them counts for the host OtherHosts
	tunnelRenewal = 15 * time.Minute // between two records of one key within an hour
)

// OtherHosts stands for the hosts of tunnels beyond the bound.
const OtherHosts = "other"

type tunnelKey struct {
	hour         int64 // seconds since 1970 at its start
	client, host string
	port         uint16
}

type tunnelSum struct {
	count, in, out int64 // since the last record
	written        time.Time
}

// tunnels adds up what goes through tunnels until it is written as records.
type tunnels struct {
	mu   sync.Mutex
	sums map[tunnelKey]*tunnelSum // guarded by mu
}

func newTunnels() *tunnels { return &tunnels{sums: map[tunnelKey]*tunnelSum{}} }

// AddTunnel adds one tunnel and its bytes to the totals by client, host and hour. It never blocks on the store.
func (l *Ledger) AddTunnel(client, host string, port uint16, bytesIn, bytesOut int64) {
	l.tunnels.add(l.w.now(), tunnelKey{0, client, host, port}, 1, bytesIn, bytesOut)
}

// GrowTunnel adds bytes of a tunnel that goes on, or has been added already.
func (l *Ledger) GrowTunnel(client, host string, port uint16, bytesIn, bytesOut int64) {
	l.tunnels.add(l.w.now(), tunnelKey{0, client, host, port}, 0, bytesIn, bytesOut)
}

func (t *tunnels) add(now time.Time, key tunnelKey, count, in, out int64) {
	key.hour = now.Truncate(time.Hour).Unix()
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.sums[key]
	if sum == nil && len(t.sums) >= maxTunnels {
		key.client, key.host, key.port = "", OtherHosts, 0
		sum = t.sums[key]
	}
	if sum == nil {
		sum = &tunnelSum{}
		t.sums[key] = sum
	}
	sum.count += count
	sum.in += in
	sum.out += out
}

// pending counts the tunnels that no record holds yet.
func (t *tunnels) pending() (count int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, sum := range t.sums {
		count += sum.count
	}
	return count
}

// due returns the records to write now: of hours that are over, of new keys, and of others every tunnelRenewal.
func (t *tunnels) due(now time.Time, all bool) []*Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	hour := now.Truncate(time.Hour).Unix()
	var recs []*Record
	for key, sum := range t.sums {
		over := key.hour != hour
		fresh := *sum != tunnelSum{written: sum.written}
		if fresh && (all || over || sum.written.IsZero() || now.Sub(sum.written) >= tunnelRenewal) {
			recs = append(recs, key.record(sum, now))
			*sum = tunnelSum{written: now}
		}
		if over {
			delete(t.sums, key)
		}
	}
	slices.SortFunc(recs, func(a, b *Record) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Client, b.Client))
	})
	return recs
}

func (k tunnelKey) record(sum *tunnelSum, now time.Time) *Record {
	if end := time.Unix(k.hour, 0).Add(time.Hour - time.Nanosecond); now.After(end) {
		now = end // so that the record's time names its hour
	}
	return &Record{
		Type: Tunnel, Time: now, Client: k.client, Host: k.host, Port: k.port, Verdict: "tunnel",
		Count: sum.count, BytesIn: sum.in, BytesOut: sum.out,
	}
}

// Tunnels returns the totals of tunnels by client, host and hour, the newest hour first. A zero time is no bound.
// It includes what this process has not written yet.
func (r *Reader) Tunnels(ctx context.Context, since, until time.Time) ([]TunnelTotal, error) {
	sums := map[tunnelKey]*tunnelSum{}
	add := func(k tunnelKey, count, in, out int64) {
		if sums[k] == nil {
			sums[k] = &tunnelSum{}
		}
		sums[k].count, sums[k].in, sums[k].out = sums[k].count+count, sums[k].in+in, sums[k].out+out
	}
	err := r.each(ctx, Filter{Types: []Type{Tunnel}, Since: since, Until: until}, func(e *Entry) error {
		add(tunnelKey{e.Time.Truncate(time.Hour).Unix(), e.Client, e.Host, e.Port}, e.Count, e.BytesIn, e.BytesOut)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if r.tunnels != nil {
		r.tunnels.mu.Lock()
		for k, sum := range r.tunnels.sums {
			hour := time.Unix(k.hour, 0)
			if (since.IsZero() || hour.Add(time.Hour).After(since)) && (until.IsZero() || hour.Before(until)) {
				add(k, sum.count, sum.in, sum.out)
			}
		}
		r.tunnels.mu.Unlock()
	}
	totals := make([]TunnelTotal, 0, len(sums))
	for k, s := range sums {
		totals = append(totals, TunnelTotal{time.Unix(k.hour, 0).UTC(), k.client, k.host, k.port, s.count, s.in, s.out})
	}
	slices.SortFunc(totals, func(a, b TunnelTotal) int {
		return cmp.Or(b.Hour.Compare(a.Hour), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Port, b.Port))
	})
	return totals, nil
}
