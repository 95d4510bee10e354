// Package certs is the household's certificate authority: a root that devices are
// told to trust, one intermediate for each group of hosts, and leaves for the hosts
// that rules hold.
//
// The root (ECDSA P-256) is made at first start. It signs nothing but intermediates,
// and each of these carries critical name constraints: whoever steals its key can
// sign the hosts of one pack, and no other. A DNS name in a constraint permits what
// lies below it too (RFC 5280, section 4.2.1.10), so a rule for "stats.example"
// makes an intermediate that could sign "a.stats.example"; [Authority.Leaf] still
// signs only what a group holds.
//
// The folder of an authority, 0700 with files of 0600, holds root.pem and root.key, an
// issuer-*.pem with certificate and key for each intermediate, "sealed" once the root's
// key is destroyed, and in "retired" the certificates of former roots.
//
// The root's key is kept (then a rule with a new host just works) or sealed: destroyed,
// after which nobody, the owner included, can widen what the devices trust.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Mode says what becomes of the root's key.
type Mode string

// The modes. A root that was once sealed stays sealed, whatever the mode.
const (
	Kept   Mode = "kept"
	Sealed Mode = "sealed"
)

// defaultCacheSize is how many leaves are kept; each costs about 3 KB.
const defaultCacheSize = 1024

// Config is what an authority needs. Dir must be set; it belongs to the authority alone.
type Config struct {
	Dir       string           // made 0700 if it is not there
	Mode      Mode             // "" means Kept
	CacheSize int              // leaves held in memory; 0 means 1024
	Now       func() time.Time // nil means time.Now
}

// Authority signs leaves for the hosts of its groups. Its methods may be called concurrently.
type Authority struct {
	dir   folder
	now   func() time.Time
	cache int

	change sync.Mutex // held while files and state change
	groups []Group    // as last set; guarded by change
	state  atomic.Pointer[state]
}

// state is what Leaf needs. It is immutable apart from its cache.
type state struct {
	root    pair
	sealed  bool
	issuers []*issuer          // all that are loaded, also such that no group uses now
	exact   map[string]*issuer // host to its signer
	below   map[string]*issuer // "name" of "*.name" to its signer
	leaves  *cache
}

// issuer is an intermediate.
type issuer struct {
	pair
	name string
	file string
}

// Open loads the authority in cfg.Dir, or makes one there if the folder holds none,
// and sets its groups. Without groups (as for showing or exporting the root) nothing
// but the root is made and nothing is sealed. Under Sealed the root's key is destroyed
// as soon as the groups have their intermediates.
//
// Errors match ErrForeign, ErrExpired or ErrUnsafe, or are an *UncoveredError.
func Open(cfg Config, groups []Group) (*Authority, error) {
	a := &Authority{dir: folder(cfg.Dir), now: clock(cfg), cache: cfg.CacheSize}
	if a.cache <= 0 {
		a.cache = defaultCacheSize
	}
	if cfg.Mode != "" && cfg.Mode != Kept && cfg.Mode != Sealed {
		return nil, fmt.Errorf("ca.root: %q is neither %q nor %q", string(cfg.Mode), Kept, Sealed)
	}
	if cfg.Dir == "" {
		return nil, fmt.Errorf("opening the certificate authority: no folder is named")
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return a, nil
	}
	if err := a.SetGroups(groups); err != nil {
		return nil, err
	}
	if cfg.Mode == Sealed {
		return a, a.Seal()
	}
	return a, nil
}

func clock(cfg Config) func() time.Time {
	if cfg.Now == nil {
		return time.Now
	}
	return cfg.Now
}

// Leaf returns a certificate for host, with its intermediate behind it, from the
// cache or made now. host is compared as DNS compares: case and a final dot do not
// count. A name that no group holds yields an error matching ErrNotHeld; a root that
// ran out meanwhile, one matching ErrExpired.
func (a *Authority) Leaf(host string) (*tls.Certificate, error) {
	host, err := cleanHost(host)
	if err != nil {
		return nil, err
	}
	now, st := a.now(), a.state.Load()
	by := st.signer(host)
	if by == nil {
		return nil, &HostError{Host: host, What: "no rule holds this name"}
	}
	return st.leaves.get(host, now, func() (*tls.Certificate, error) {
		by, err := a.usable(by, host, now)
		if err != nil {
			return nil, err
		}
		made, err := newLeaf(&by.pair, host, now)
		if err != nil {
			return nil, fmt.Errorf("signing %q: %w", host, err)
		}
		return &tls.Certificate{
			Certificate: [][]byte{made.cert.Raw, by.cert.Raw},
			PrivateKey:  made.key,
			Leaf:        made.cert,
		}, nil
	})
}

// signer finds who signs host: its own entry first, then the nearest "*.name".
func (s *state) signer(host string) *issuer {
	if by := s.exact[host]; by != nil {
		return by
	}
	for i := 0; i < len(host); i++ {
		if host[i] == '.' {
			if by := s.below[host[i+1:]]; by != nil {
				return by
			}
		}
	}
	return nil
}

// usable returns by, or the intermediate that replaces it when it is about to run out.
func (a *Authority) usable(by *issuer, host string, now time.Time) (*issuer, error) {
	st := a.state.Load()
	if now.Before(by.cert.NotAfter.Add(-renewBefore)) {
		return by, nil
	}
	if !now.Before(st.root.cert.NotAfter) {
		return nil, a.rootExpired(st.root.cert)
	}
	if !st.sealed {
		if err := a.renew(); err != nil {
			return nil, err
		}
		if fresh := a.state.Load().signer(host); fresh != nil {
			return fresh, nil
		}
		return nil, &HostError{Host: host, What: "no rule holds this name any more"}
	}
	return by, nil // lasts as long as the root
}

// renew sets the same groups again, which replaces what is about to run out.
func (a *Authority) renew() error {
	a.change.Lock()
	defer a.change.Unlock()
	return a.setGroups(a.state.Load(), a.groups)
}

// Root is the certificate that devices are to trust.
func (a *Authority) Root() *x509.Certificate { return a.state.Load().root.cert }

// Sealed reports whether the root's key is destroyed.
func (a *Authority) Sealed() bool { return a.state.Load().sealed }

// Issuer describes an intermediate.
type Issuer struct {
	Name        string    // its group
	Permitted   []string  // the names it is constrained to
	NotAfter    time.Time // when it runs out
	Fingerprint string    // SHA-256
}

// Issuers lists the intermediates, in the order of the groups.
func (a *Authority) Issuers() []Issuer {
	var out []Issuer
	for _, by := range a.state.Load().issuers {
		out = append(out, Issuer{by.name, by.cert.PermittedDNSDomains, by.cert.NotAfter, fingerprint(by.cert)})
	}
	return out
}
