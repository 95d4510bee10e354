package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Seal destroys the root's key for good. Before that, every intermediate is made to
// last as long as the root, because none can be renewed afterwards. Sealing a sealed
// root does nothing.
func (a *Authority) Seal() error {
	a.change.Lock()
	defer a.change.Unlock()
	old := a.state.Load()
	if old.sealed {
		return nil
	}
	unlock, err := a.dir.lock()
	if err != nil {
		return err
	}
	defer unlock()
	parts, err := chunks(a.groups)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return errors.New("sealing the root: no host has an intermediate yet, and none could be made afterwards; start scrim with its rules first")
	}
	next := &state{root: pair{cert: old.root.cert}, sealed: true, leaves: newCache(a.cache)}
	if next.issuers, err = a.assignKept(old, parts, rootLife, rootLife); err != nil {
		return err
	}
	next.index(parts, func(i int, _ string) *issuer { return next.issuers[i] })
	if err := a.sweep(next.issuers); err != nil {
		return err
	}
	if err := a.dir.write(sealedFile, []byte(fingerprint(old.root.cert)+"\n")); err != nil {
		return err
	}
	a.state.Store(next)
	return a.dir.destroy(rootKeyFile)
}

// Rotate makes a new root, with new intermediates for the same groups, and returns
// the fingerprint of the old one. Devices have to be given the new root. The old
// root's certificate is kept in "retired", so that it can be told apart and removed
// from devices; its key is destroyed, since whoever rotates has a reason to.
// A rotated root is kept, not sealed.
func (a *Authority) Rotate() (old string, err error) {
	a.change.Lock()
	defer a.change.Unlock()
	before := a.state.Load()
	st, err := a.replaceRoot(before.root)
	if err == nil {
		err = a.setGroups(st, a.groups)
	}
	if err != nil {
		return "", fmt.Errorf("rotating the root: %w", err)
	}
	return fingerprint(before.root.cert), nil
}

// replaceRoot puts a new root in the place of old.
func (a *Authority) replaceRoot(old pair) (*state, error) {
	unlock, err := a.dir.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.retire(old); err != nil {
		return nil, err
	}
	st, err := a.makeRoot()
	if err != nil {
		return nil, err
	}
	st.leaves = newCache(a.cache)
	return st, a.dir.destroy(sealedFile)
}

// retire keeps the certificate of a root that goes.
func (a *Authority) retire(root pair) error {
	attic := folder(a.dir.path(retiredDir))
	if err := attic.prepare(); err != nil {
		return err
	}
	return attic.write("root-"+shortMark(root)+".pem", certPEM(root.cert))
}

// shortMark is the start of a root's fingerprint, fit for a file name.
func shortMark(root pair) string {
	return strings.ReplaceAll(fingerprint(root.cert)[:11], ":", "")
}

// Replace makes a new authority where Open reports ErrForeign or ErrExpired. What was
// there is not destroyed, because it may be someone else's: root.pem and root.key
// are moved into "retired" under names that say when. Where Open succeeds use Rotate.
func Replace(cfg Config, groups []Group) (*Authority, error) {
	d := folder(cfg.Dir)
	if err := d.prepare(); err != nil {
		return nil, err
	}
	if err := d.setAside(cfg); err != nil {
		return nil, fmt.Errorf("setting the old certificate authority aside: %w", err)
	}
	return Open(cfg, groups)
}

func (d folder) setAside(cfg Config) error {
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	attic := folder(d.path(retiredDir))
	if err := attic.prepare(); err != nil {
		return err
	}
	when := clock(cfg)().UTC().Format("20060102T150405")
	for _, name := range []string{rootCertFile, rootKeyFile, nextKeyFile, sealedFile} {
		err := os.Rename(d.path(name), attic.path(when+"-"+name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return d.sync()
}
