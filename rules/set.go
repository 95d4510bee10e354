package rules

import (
	"net/netip"
	"time"
)

// Options are the settings that rules compile under.
type Options struct {
	Limits         Limits
	Profile        string            // "generalized" (also "") or "strict", for every product
	ProductProfile map[string]string // by product; wins over Profile
	// Files reads a list that a refuse rule names, {file: hosts.txt}; nil: such rules are faults.
	Files func(name string) ([]byte, error)
	// NeverDecrypt are names and *.names beside the built-in list that no rule may cover.
	NeverDecrypt []string
}

// Limits bound what is decoded. Zero values take the defaults: 16 MiB, 100:1, 128.
type Limits struct {
	MaxBody  int64 // bytes, content codings undone
	MaxRatio int   // decoded to coded
	MaxDepth int   // nesting
}

// Choices are the owner's switches, which change without a reload.
type Choices struct {
	Switch  map[string]map[string]Verdict // product, kind: pass, generalize or drop
	Profile map[string]string             // product ("" for all): "generalized" or "strict"
	Pause   map[string]time.Time          // product: passes unchanged until then
}

// Client is who asks, and when. Name is the owner's name for the address, or "".
// A zero Now means that no pause holds.
type Client struct {
	Addr netip.Addr
	Name string
	Now  time.Time
}

// Route says what Apply will need to decide a message, from all but its body.
type Route struct {
	// NeedBody: read the content, up to MaxBody bytes decoded, before Apply.
	// Without it the message passes or is dropped whatever its content is.
	NeedBody bool
	MaxBody  int64
	// Rules are those that can still decide, in order. Empty: no rule will match.
	Rules []*RuleInfo
	Class Class
}

// HostInfo is one name that rules speak of.
type HostInfo struct {
	Name    string // exact, or *.name
	Class   Class  // "" for names that are only refused
	Product string
	Refused bool
}

// KindInfo is one switch.
type KindInfo struct {
	Name    string
	Title   string
	Default Verdict
	Switch  Verdict // as it stands
}

// ProductInfo is one product and its switches.
type ProductInfo struct {
	Name    string
	Title   string
	Profile string
	Pause   time.Time // zero: not paused
	Kinds   []KindInfo
}

// Set is a compiled set of rules under the owner's choices. It is immutable and may be used concurrently.
type Set struct {
	*core
	switches []Verdict   // by kind
	profile  []profile   // by product
	pause    []time.Time // by product
}

// With returns a set of the same rules under other choices. It is cheap: the rules are shared.
// What the choices do not name keeps its default; names that no file knows are ignored.
func (s *Set) With(c Choices) *Set {
	w := &Set{
		core:     s.core,
		switches: make([]Verdict, len(s.kinds)),
		profile:  make([]profile, len(s.products)),
		pause:    make([]time.Time, len(s.products)),
	}
	for i := range s.kinds {
		w.switches[i] = s.kinds[i].Default
		if v, ok := c.Switch[s.products[s.kinds[i].product].Name][s.kinds[i].Name]; ok && v != "" {
			w.switches[i] = v
		}
	}
	for i := range s.products {
		name := s.products[i].Name
		for _, choice := range []string{s.opt.Profile, c.Profile[""], s.opt.ProductProfile[name], c.Profile[name]} {
			if p, ok := profileNamed(choice); ok && choice != "" {
				w.profile[i] = p
			}
		}
		w.pause[i] = c.Pause[name]
	}
	return w
}

// paused reports whether a product passes unchanged at a time.
func (s *Set) paused(product int, now time.Time) bool {
	return !now.IsZero() && now.Before(s.pause[product])
}

// Rules lists the rules in the order in which they are tried.
func (s *Set) Rules() []RuleInfo {
	infos := make([]RuleInfo, len(s.rules))
	for i, r := range s.rules {
		infos[i] = r.info
	}
	return infos
}

// Hosts lists the names that have a class, and after them those that rules refuse; names of lists are left out.
func (s *Set) Hosts() []HostInfo {
	hosts := append([]HostInfo(nil), s.classes...)
	for _, r := range s.rules {
		if !r.refuses {
			continue
		}
		for _, h := range r.ast.Match.Hosts {
			hosts = append(hosts, HostInfo{Name: h.String(), Product: r.info.Product, Refused: true})
		}
	}
	return hosts
}

// Products lists the products with their switches as they stand.
func (s *Set) Products() []ProductInfo {
	products := append([]ProductInfo(nil), s.products...)
	for i := range products {
		products[i].Profile, products[i].Pause = s.profile[i].String(), s.pause[i]
	}
	for i, k := range s.kinds {
		info := k.KindInfo
		info.Switch = s.switches[i]
		p := &products[k.product]
		p.Kinds = append(p.Kinds[:len(p.Kinds):len(p.Kinds)], info)
	}
	return products
}
