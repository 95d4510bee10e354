package ledger

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Bounds of Coverage.
const (
	maxCovered = 16384          // pairs of client and host
	coverFor   = 24 * time.Hour // a pair that nothing was heard of for so long may go
	// aroundAfter is how long after a name was asked for a connection to it is still awaited.
	aroundAfter = time.Minute
)

// Coverage counts what each client did with each host since the start, so that it can be held against what the
// client asked DNS for. It holds no contents, and is bounded. The zero value is ready; its methods may be called
// concurrently.
type Coverage struct {
	mu    sync.Mutex // guards what follows
	pairs map[coverKey]*covered
}

type coverKey struct{ client, host string }

type covered struct {
	product     string
	first, last time.Time
	doors       map[string]int64
	ends        CoverageEnds
}

// CoverageEnds count requests, or connections that were tunnelled, refused or failed before their first request.
type CoverageEnds struct {
	Intercepted int64 `json:"intercepted"` // passed, generalized, dropped or held: a rule was asked
	Tunnelled   int64 `json:"tunnelled"`
	Refused     int64 `json:"refused"`
	Failed      int64 `json:"failed"`
}

func (e *CoverageEnds) add(o CoverageEnds) {
	e.Intercepted += o.Intercepted
	e.Tunnelled += o.Tunnelled
	e.Refused += o.Refused
	e.Failed += o.Failed
}

func (e *CoverageEnds) count(end string) {
	switch end {
	case "tunnelled":
		e.Tunnelled++
	case "refused":
		e.Refused++
	case "failed":
		e.Failed++
	default:
		e.Intercepted++
	}
}

// Came notes one request. product is "" for hosts of no product; end is the word of a proxy counter.
func (c *Coverage) Came(now time.Time, client, host, door, product, end string) {
	if host == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := coverKey{client, host}
	p := c.pairs[key]
	if p == nil {
		if len(c.pairs) >= maxCovered {
			maps.DeleteFunc(c.pairs, func(_ coverKey, p *covered) bool { return now.Sub(p.last) > coverFor })
		}
		if len(c.pairs) >= maxCovered {
			return
		}
		if c.pairs == nil {
			c.pairs = map[coverKey]*covered{}
		}
		p = &covered{first: now, doors: map[string]int64{}}
		c.pairs[key] = p
	}
	p.product, p.last = product, now
	p.doors[door]++
	p.ends.count(end)
}

// Asked is what a client asked DNS for.
type Asked struct {
	Client, Name string
	Product      string
	Ruled        bool // a rule names it: a connection to it should come to scrim
	Refused      bool // a rule refuses it: it was told that there is none
	Bypass       bool // it belongs to a resolver over HTTPS or TLS, by which DNS goes around the house
	First, Last  time.Time
	Count        int64
}

// Standing is how a name of a client stands.
type Standing string

// The standings of a name that a rule holds, from good to bad.
const (
	Covered Standing = "covered" // what was asked for came
	Waiting Standing = "waiting" // asked for a moment ago
	Around  Standing = "around"  // asked for, and nothing came
)

// CoverageName is one name of one client.
type CoverageName struct {
	Name     string           `json:"name"`
	Standing Standing         `json:"standing"`
	Refused  bool             `json:"refused_in_dns,omitempty"`
	Asked    int64            `json:"asked"` // questions to the DNS door
	LastAsk  *time.Time       `json:"last_asked,omitempty"`
	LastCame *time.Time       `json:"last_came,omitempty"`
	Doors    map[string]int64 `json:"doors,omitempty"`
	CoverageEnds
}

// CoverageProduct is one product on one client.
type CoverageProduct struct {
	Product string           `json:"product"` // "": of no product
	Asked   int64            `json:"asked"`
	Around  int              `json:"around"` // names
	Doors   map[string]int64 `json:"doors"`
	CoverageEnds
	Names []CoverageName `json:"names"` // by name
}

// CoverageClient is one client.
type CoverageClient struct {
	Client   string            `json:"client"`
	Name     string            `json:"name,omitempty"` // the owner's
	Products []CoverageProduct `json:"products"`       // of names that rules hold; by product
	Other    CoverageEnds      `json:"other"`          // to hosts that no rule names
	QUIC     int64             `json:"quic_rejected"`  // packets, by the firewall
	Bypass   []string          `json:"dns_bypass"`     // resolvers over HTTPS or TLS that it asked for or connected to
}

// Report holds what came against what was asked. quic is the packets rejected by client, bypass says whether a host
// is a resolver, name gives the owner's name of a client; any of them may be nil.
func (c *Coverage) Report(now time.Time, asked []Asked, quic map[string]int64, bypass func(host string) bool, name func(client string) string) []CoverageClient {
	r := reporter{now: now, clients: map[string]*CoverageClient{}, names: map[coverKey]*CoverageName{}, product: map[coverKey]string{}}
	c.mu.Lock()
	for key, p := range c.pairs {
		r.came(key, p, bypass != nil && bypass(key.host))
	}
	c.mu.Unlock()
	for i := range asked {
		r.asked(&asked[i])
	}
	for client, n := range quic {
		r.client(client).QUIC = n
	}
	return r.report(name)
}

// reporter puts a report together.
type reporter struct {
	now     time.Time
	clients map[string]*CoverageClient
	names   map[coverKey]*CoverageName
	product map[coverKey]string
}

func (r *reporter) client(addr string) *CoverageClient {
	c := r.clients[addr]
	if c == nil {
		c = &CoverageClient{Client: addr, Products: []CoverageProduct{}, Bypass: []string{}}
		r.clients[addr] = c
	}
	return c
}

func (r *reporter) bypass(client, host string) {
	if c := r.client(client); !slices.Contains(c.Bypass, host) {
		c.Bypass = append(c.Bypass, host)
	}
}

func (r *reporter) came(key coverKey, p *covered, bypass bool) {
	if bypass {
		r.bypass(key.client, key.host)
	}
	if p.product == "" && p.ends.Intercepted+p.ends.Refused == 0 {
		r.client(key.client).Other.add(p.ends)
		return
	}
	last := p.last
	r.names[key] = &CoverageName{Name: key.host, Standing: Covered, LastCame: &last, Doors: maps.Clone(p.doors), CoverageEnds: p.ends}
	r.product[key] = p.product
}

func (r *reporter) asked(a *Asked) {
	if a.Bypass {
		r.bypass(a.Client, a.Name)
	}
	if !a.Ruled && !a.Refused {
		return
	}
	key := coverKey{a.Client, a.Name}
	n := r.names[key]
	if n == nil {
		n = &CoverageName{Name: a.Name}
		r.names[key] = n
		r.product[key] = a.Product
	}
	last := a.Last
	n.Asked, n.LastAsk, n.Refused = a.Count, &last, a.Refused
	switch {
	case a.Refused:
		n.Standing = Covered
	case n.LastCame != nil && n.LastCame.After(a.Last.Add(-aroundAfter)):
		n.Standing = Covered
	case r.now.Sub(a.Last) < aroundAfter:
		n.Standing = Waiting
	case n.LastCame != nil: // it comes through us at other times: a name is often asked for without need
		n.Standing = Covered
	default:
		n.Standing = Around
	}
}

func (r *reporter) report(name func(string) string) []CoverageClient {
	products := map[coverKey]*CoverageProduct{} // host stands for the product
	for key, n := range r.names {
		at := coverKey{key.client, r.product[key]}
		p := products[at]
		if p == nil {
			p = &CoverageProduct{Product: at.host, Doors: map[string]int64{}}
			products[at] = p
		}
		p.add(n)
	}
	for at, p := range products {
		slices.SortFunc(p.Names, func(a, b CoverageName) int { return cmp.Compare(a.Name, b.Name) })
		c := r.client(at.client)
		c.Products = append(c.Products, *p)
	}
	out := make([]CoverageClient, 0, len(r.clients))
	for _, c := range r.clients {
		if name != nil {
			c.Name = name(c.Client)
		}
		slices.Sort(c.Bypass)
		slices.SortFunc(c.Products, func(a, b CoverageProduct) int { return cmp.Compare(a.Product, b.Product) })
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b CoverageClient) int { return cmp.Compare(a.Client, b.Client) })
	return out
}

func (p *CoverageProduct) add(n *CoverageName) {
	p.Names = append(p.Names, *n)
	p.Asked += n.Asked
	if n.Standing == Around {
		p.Around++
	}
	for door, count := range n.Doors {
		p.Doors[door] += count
	}
	p.CoverageEnds.add(n.CoverageEnds)
}
