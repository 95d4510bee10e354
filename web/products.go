package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/audit"
)

// maxPause bounds a pause: what is forgotten ends by itself.
const maxPause = 7 * 24 * time.Hour

func (s *Server) products(http.ResponseWriter, *http.Request) (any, error) {
	return s.allProducts(), nil
}

// allProducts is what the rules say of products, and what the inventory has seen of them.
func (s *Server) allProducts() Products {
	out := s.cfg.House.Products()
	out.Products = orEmpty(slices.Clone(out.Products))
	rules, _ := s.cfg.House.Rules()
	hosts := s.cfg.House.Hosts()
	totals := map[string]audit.ProductTotal{}
	for _, t := range s.cfg.Inventory.Products() {
		totals[t.Product] = t
	}
	for i := range out.Products {
		p := &out.Products[i]
		p.Hosts = []RuledHost{}
		for _, h := range hosts {
			if h.Product == p.Name {
				p.Hosts = append(p.Hosts, h)
			}
		}
		if t, ok := totals[p.Name]; ok {
			last := t.Last
			p.Seen, p.Last = true, &last
		}
		p.Kinds = orEmpty(slices.Clone(p.Kinds))
		s.fillKinds(p, rules)
	}
	return out
}

func (s *Server) fillKinds(p *Product, rules []Rule) {
	p.Rules = 0
	for _, r := range rules {
		if r.Product == p.Name {
			p.Rules++
		}
	}
	for i := range p.Kinds {
		k := &p.Kinds[i]
		k.Rules = 0
		for _, r := range rules {
			if r.Product == p.Name && r.Kind == k.Name {
				k.Rules++
			}
		}
		if t := s.cfg.Inventory.Kind(p.Name, k.Name); t.Count > 0 {
			last := t.Last
			k.Events, k.Last = t.Count, &last
		}
	}
}

func (s *Server) productNamed(name string) (*Product, error) {
	all := s.allProducts()
	for i := range all.Products {
		if all.Products[i].Name == name {
			return &all.Products[i], nil
		}
	}
	return nil, notFound("no rule speaks of a product %q", name)
}

// change makes a choice and answers with what has become of the product.
func (s *Server) change(r *http.Request, c Choice) (any, error) {
	if c.Product != "" {
		p, err := s.productNamed(c.Product)
		if err != nil {
			return nil, err
		}
		if c.Kind != "" && !slices.ContainsFunc(p.Kinds, func(k Kind) bool { return k.Name == c.Kind }) {
			return nil, notFound("%s has no kind of data %q", p.Title, c.Kind)
		}
	}
	if err := s.cfg.House.Choose(s.who(r), c); err != nil {
		return nil, err
	}
	s.Changed("products")
	if c.Product == "" {
		return s.allProducts(), nil
	}
	return s.productNamed(c.Product)
}

func word(what, given string, known ...string) error {
	if slices.Contains(known, given) {
		return nil
	}
	return badRequest("%q is not a %s", cut(given, 40), what).hint("write %s or %s", strings.Join(known[:len(known)-1], ", "), known[len(known)-1])
}

func (s *Server) setSwitch(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		Switch string `json:"switch"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := word("position of a switch", in.Switch, "pass", "generalize", "drop", Default); err != nil {
		return nil, err
	}
	return s.change(r, Choice{Product: r.PathValue("product"), Kind: r.PathValue("kind"), Switch: in.Switch})
}

func (s *Server) profileOf(w http.ResponseWriter, r *http.Request, product string) (any, error) {
	var in struct {
		Profile string `json:"profile"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := word("profile", in.Profile, "generalized", "strict", Default); err != nil {
		return nil, err
	}
	return s.change(r, Choice{Product: product, Profile: in.Profile})
}

func (s *Server) setProfile(w http.ResponseWriter, r *http.Request) (any, error) {
	return s.profileOf(w, r, "")
}

func (s *Server) setProductProfile(w http.ResponseWriter, r *http.Request) (any, error) {
	return s.profileOf(w, r, r.PathValue("product"))
}

func (s *Server) pause(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		Minutes int        `json:"minutes"`
		Until   *time.Time `json:"until"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	until := now.Add(time.Duration(in.Minutes) * time.Minute)
	switch {
	case in.Minutes != 0 && in.Until != nil, in.Minutes == 0 && in.Until == nil:
		return nil, badRequest("give minutes, or until")
	case in.Minutes < 0 || in.Minutes > int(maxPause/time.Minute):
		return nil, badRequest("minutes is a number from 1 to %d", int(maxPause/time.Minute))
	case in.Until != nil:
		until = *in.Until
	}
	if !until.After(now) || until.After(now.Add(maxPause+time.Minute)) {
		return nil, badRequest("a pause ends in the future, within seven days")
	}
	return s.change(r, Choice{Product: r.PathValue("product"), Pause: until.Truncate(time.Second)})
}

func (s *Server) resume(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.change(r, Choice{Product: r.PathValue("product"), Resume: true})
}

func (s *Server) reload(_ http.ResponseWriter, r *http.Request) (any, error) {
	return fullReload(s.cfg.House.Reload(s.who(r))), nil
}
