package proxy

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// PinnedClient is a client that refused our certificate for a host, and has not accepted it since.
type PinnedClient struct {
	Client netip.Addr
	Host   string
	How    string
	Time   time.Time
	Tries  int
	Waived bool // it is tried again at its next attempt
}

// Pinned lists who refused our certificate, the latest first.
func (p *Proxy) Pinned() []PinnedClient {
	p.pinned.mu.Lock()
	defer p.pinned.mu.Unlock()
	list := make([]PinnedClient, 0, len(p.pinned.pins))
	for k, v := range p.pinned.pins {
		list = append(list, PinnedClient{k.client, k.host, string(v.how), v.at, v.tries, v.waived})
	}
	slices.SortFunc(list, func(a, b PinnedClient) int {
		return cmp.Or(b.Time.Compare(a.Time), a.Client.Compare(b.Client), cmp.Compare(a.Host, b.Host))
	})
	return list
}
