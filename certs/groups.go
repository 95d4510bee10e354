package certs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// SetGroups replaces what the authority signs. Intermediates that fit are used again,
// the others are made; those that no group needs any more are removed. On an error
// everything stays as it was.
//
// A sealed authority makes none: hosts that no intermediate covers yield an
// *UncoveredError, and the groups set before keep working.
func (a *Authority) SetGroups(groups []Group) error {
	a.change.Lock()
	defer a.change.Unlock()
	return a.setGroups(a.state.Load(), groups)
}

// Reload is SetGroups after a look at the folder: a root that another process has rotated or sealed meanwhile is taken
// over. Its errors are those of Open and of SetGroups; then everything stays as it was.
func (a *Authority) Reload(groups []Group) error {
	a.change.Lock()
	defer a.change.Unlock()
	st := a.state.Load()
	found, err := a.look()
	if err != nil {
		return err
	}
	if found.sealed != st.sealed || !found.root.cert.Equal(st.root.cert) {
		st = found
	}
	return a.setGroups(st, groups)
}

// look reads what the folder holds now.
func (a *Authority) look() (*state, error) {
	unlock, err := a.dir.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	st, err := a.loadRoot()
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority again: %w", err)
	}
	st.leaves = newCache(a.cache)
	st.issuers, err = a.loadIssuers(&st.root)
	return st, err
}

// Check says whether SetGroups would take the groups, and changes nothing.
func (a *Authority) Check(groups []Group) error {
	parts, err := chunks(groups)
	if err != nil {
		return err
	}
	st := a.state.Load()
	if !st.sealed {
		return nil
	}
	_, err = assignSealed(st, parts)
	return err
}

// setGroups makes the next state out of old. It is called with change held.
func (a *Authority) setGroups(old *state, groups []Group) error {
	unlock, err := a.dir.lock()
	if err != nil {
		return err
	}
	defer unlock()
	parts, err := chunks(groups)
	if err != nil {
		return err
	}
	next := &state{root: old.root, sealed: old.sealed, leaves: newCache(a.cache)}
	if old.sealed {
		next.issuers = old.issuers
		signers, err := assignSealed(old, parts)
		if err != nil {
			return err
		}
		next.index(parts, func(_ int, host string) *issuer { return signers[host] })
	} else {
		if next.issuers, err = a.assignKept(old, parts, intermediateLife, renewBefore); err != nil {
			return err
		}
		next.index(parts, func(i int, _ string) *issuer { return next.issuers[i] })
	}
	next.keepLeaves(old)
	a.groups = slices.Clone(groups)
	a.state.Store(next)
	if !old.sealed {
		return a.sweep(next.issuers)
	}
	return nil
}

// index enters who signs each host.
func (s *state) index(parts []chunk, signer func(part int, host string) *issuer) {
	s.exact, s.below = map[string]*issuer{}, map[string]*issuer{}
	for i, part := range parts {
		for _, host := range part.hosts {
			into, name := s.exact, host
			if rest, wild := strings.CutPrefix(host, "*."); wild {
				into, name = s.below, rest
			}
			if into[name] == nil { // the first group that names a host signs it
				into[name] = signer(i, host)
			}
		}
	}
}

// keepLeaves carries the cache over when the signers are the same, so that a reload
// that changes no host costs nothing.
func (s *state) keepLeaves(old *state) {
	if sameKeys(s.exact, old.exact) && sameKeys(s.below, old.below) {
		s.leaves = old.leaves
	}
}

func sameKeys(a, b map[string]*issuer) bool {
	if len(a) != len(b) {
		return false
	}
	for host, by := range a {
		if b[host] != by {
			return false
		}
	}
	return true
}

// assignKept finds or makes an intermediate for each part, on disk before it is used.
// Those with less than enough left are made anew, to last for life; neither asks for
// more than the root has.
func (a *Authority) assignKept(old *state, parts []chunk, life, enough time.Duration) ([]*issuer, error) {
	now := a.now()
	enough = min(enough, old.root.cert.NotAfter.Sub(now)-2*backdate)
	out := make([]*issuer, len(parts))
	for i, part := range parts {
		if out[i] = findIssuer(old.issuers, part, now, enough); out[i] != nil {
			continue
		}
		made, err := newIntermediate(&old.root, part, now, life)
		if err != nil {
			return nil, err
		}
		out[i] = &issuer{pair: *made, name: part.name, file: issuerFile(made.cert)}
		if err := a.writeIssuer(out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// findIssuer looks for one of the same name and constraints with more than enough left.
func findIssuer(have []*issuer, part chunk, now time.Time, enough time.Duration) *issuer {
	want := constraints(part.hosts)
	for _, by := range have {
		if by.name == part.name && slices.Equal(by.cert.PermittedDNSDomains, want) &&
			by.cert.NotAfter.Sub(now) > enough && !now.Before(by.cert.NotBefore) {
			return by
		}
	}
	return nil
}

func (a *Authority) writeIssuer(by *issuer) error {
	key, err := keyPEM(by.key)
	if err != nil {
		return err
	}
	return a.dir.write(by.file, append(certPEM(by.cert), key...))
}

// assignSealed finds for each host an intermediate that is allowed to sign it: of its
// own group if there is one, else the one that lasts longest.
func assignSealed(st *state, parts []chunk) (map[string]*issuer, error) {
	byName := map[string][]*issuer{}
	for _, by := range st.issuers {
		for _, name := range by.cert.PermittedDNSDomains {
			byName[name] = append(byName[name], by)
		}
	}
	signers := map[string]*issuer{}
	var missing []string
	for _, part := range parts {
		for _, host := range part.hosts {
			by := bestIssuer(byName, part.name, strings.TrimPrefix(host, "*."))
			if by == nil {
				missing = append(missing, host)
			} else if signers[host] == nil {
				signers[host] = by
			}
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, &UncoveredError{Hosts: slices.Compact(missing)}
	}
	return signers, nil
}

// bestIssuer walks from host to its parents, each of which permits it.
func bestIssuer(byName map[string][]*issuer, group, host string) *issuer {
	var best *issuer
	for name, ok := host, true; ok; _, name, ok = strings.Cut(name, ".") {
		for _, by := range byName[name] {
			switch {
			case best == nil,
				by.name == group && best.name != group,
				(by.name == group) == (best.name == group) && by.cert.NotAfter.After(best.cert.NotAfter):
				best = by
			}
		}
	}
	return best
}

// sweep removes the intermediates that are not in use.
func (a *Authority) sweep(inUse []*issuer) error {
	files, err := a.dir.issuerFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		if slices.ContainsFunc(inUse, func(by *issuer) bool { return by.file == file }) {
			continue
		}
		if err := a.dir.destroy(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
