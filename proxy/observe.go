package proxy

import (
	"net/netip"

	"github.com/scrimproxy/scrim/rules"
)

// Observation is how one request ended, or one connection that was tunnelled, refused or failed before its first
// request. Together they are what Counters count.
type Observation struct {
	Door   string
	Client netip.Addr
	To     rules.Destination // Host "" where it never became known
	Gate   rules.Gate
	End    string // passed, generalized, dropped, held, refused, tunnelled or failed
}

// count counts a request and tells whoever observes.
func (p *Proxy) count(f *Flow, e end) {
	p.tally.count(e)
	if p.cfg.Observe != nil {
		p.cfg.Observe(Observation{Door: f.Door, Client: f.Client, To: f.To, Gate: f.Gate, End: e.String()})
	}
}

// String is the name of the counter.
func (e end) String() string {
	return [...]string{"passed", "generalized", "dropped", "held", "refused", "tunnelled", "failed"}[e]
}

// Serves reports whether clients.allow names client.
func (p *Proxy) Serves(client netip.Addr) bool {
	return p.terms.Load().access.allows(client.Unmap().WithZone(""))
}
