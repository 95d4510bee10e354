package audit

import (
	"cmp"
	"slices"
	"time"
)

// Tree is the inventory as it is read: products, their hosts, their events, their fields, by name.
type Tree struct {
	Since    time.Time // zero: nothing was counted yet
	Missed   int64
	Full     bool
	Products []ProductTree
}

// ProductTree is one product; Name is "" for what belongs to none.
type ProductTree struct {
	Name  string
	Hosts []HostTree
}

// HostTree is one host of a product.
type HostTree struct {
	Name   string
	Events []EventTree
}

// EventTree is one event: a rule, or method and path where no rule matched.
type EventTree struct {
	Name, Rule, Kind string
	Count            int64
	First, Last      time.Time
	New              bool
	Fields           []FieldInfo // as first seen
}

// FieldInfo is one field.
type FieldInfo struct {
	Selector    string
	Types       []TypeCount // most frequent first
	LooksLike   string
	Count       int64
	Distinct    int64 // estimated; 0: not measured
	First, Last time.Time
	Treatment   string
	Detail      string
	Effect      string
	Part        string
	Listed      bool
	New         bool
}

// Tree reads the inventory. Empty product and host are all of them.
func (v *Inventory) Tree(now time.Time, product, host string) Tree {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := Tree{Since: v.state.Since, Missed: v.state.Missed, Full: v.state.Full}
	events := make([]*eventState, 0, len(v.state.Events))
	for _, e := range v.state.Events {
		if (product == "" || e.Product == product) && (host == "" || e.Host == host) {
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b *eventState) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Event, b.Event))
	})
	for i, e := range events {
		if i == 0 || e.Product != events[i-1].Product {
			t.Products = append(t.Products, ProductTree{Name: e.Product})
		}
		p := &t.Products[len(t.Products)-1]
		if len(p.Hosts) == 0 || p.Hosts[len(p.Hosts)-1].Name != e.Host {
			p.Hosts = append(p.Hosts, HostTree{Name: e.Host})
		}
		h := &p.Hosts[len(p.Hosts)-1]
		h.Events = append(h.Events, e.tree(now))
	}
	return t
}

func (e *eventState) tree(now time.Time) EventTree {
	out := EventTree{Name: e.Event, Rule: e.Rule, Kind: e.Kind, Count: e.Count, First: e.First, Last: e.Last, New: e.Fresh && now.Sub(e.First) < newFor}
	out.Fields = make([]FieldInfo, len(e.Fields))
	for i, p := range e.Fields {
		out.Fields[i] = FieldInfo{
			Selector: p.Selector, Types: byCount(p.Types), Count: p.Count, Distinct: p.estimate(), First: p.First, Last: p.Last,
			Treatment: p.Transform, Detail: p.Detail, Effect: p.Effect, Part: p.Part, Listed: p.Listed, New: p.Fresh && now.Sub(p.First) < newFor,
		}
		if looks := byCount(p.Looks); len(looks) > 0 {
			out.Fields[i].LooksLike = looks[0].Type
		} else if len(p.Types) > 0 {
			out.Fields[i].LooksLike = byCount(p.Types)[0].Type
		}
	}
	return out
}

func byCount(list []TypeCount) []TypeCount {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b TypeCount) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

// Rule is how often a rule decided.
func (v *Inventory) Rule(id string) Tally {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.Rules[id].value()
}

// Kind is how often data of a kind was seen.
func (v *Inventory) Kind(product, kind string) Tally {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.Kinds[product+"/"+kind].value()
}

func (t *Tally) value() Tally {
	if t == nil {
		return Tally{}
	}
	return *t
}

// ProductTotal is what was seen of one product.
type ProductTotal struct {
	Product  string
	Events   int64
	HeldBack int64 // fields, each time one was removed
	Last     time.Time
}

// Products totals events by product, most first.
func (v *Inventory) Products() []ProductTotal {
	v.mu.Lock()
	defer v.mu.Unlock()
	sums := map[string]*ProductTotal{}
	for _, e := range v.state.Events {
		sum := sums[e.Product]
		if sum == nil {
			sum = &ProductTotal{Product: e.Product}
			sums[e.Product] = sum
		}
		sum.Events += e.Count
		if e.Last.After(sum.Last) {
			sum.Last = e.Last
		}
		for _, p := range e.Fields {
			if p.Effect == Removed {
				sum.HeldBack += p.Count
			}
		}
	}
	out := make([]ProductTotal, 0, len(sums))
	for _, sum := range sums {
		out = append(out, *sum)
	}
	slices.SortFunc(out, func(a, b ProductTotal) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Product, b.Product))
	})
	return out
}

// Since is the time of the first fact; zero where there is none.
func (v *Inventory) Since() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.Since
}
