package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

const freshFix = `move the folder away to let scrim make a new root, or run "scrim ca rotate", which sets these files aside`

// load reads the folder, or makes a root in an empty one.
func (a *Authority) load() error {
	if err := a.dir.prepare(); err != nil {
		return err
	}
	unlock, err := a.dir.lock()
	if err != nil {
		return err
	}
	defer unlock()
	st, err := a.loadRoot()
	if errors.Is(err, fs.ErrNotExist) {
		st, err = a.makeRoot()
	}
	if err != nil {
		return err
	}
	if st.issuers, err = a.loadIssuers(&st.root); err != nil {
		return err
	}
	st.leaves = newCache(a.cache)
	a.state.Store(st)
	return nil
}

// loadRoot reads and judges the root; fs.ErrNotExist if the folder holds none.
func (a *Authority) loadRoot() (*state, error) {
	data, err := a.dir.read(rootCertFile)
	if err != nil {
		return nil, a.withoutRoot(err)
	}
	cert, _, err := parsePEM(data)
	if err != nil || cert == nil {
		return nil, a.foreign(rootCertFile, "holds no readable certificate")
	}
	root := pair{cert: cert}
	switch {
	case !cert.IsCA || !cert.BasicConstraintsValid:
		return nil, a.foreign(rootCertFile, "is not the certificate of an authority")
	case len(cert.Subject.Organization) != 1 || cert.Subject.Organization[0] != organization || cert.CheckSignatureFrom(cert) != nil:
		return nil, a.foreign(rootCertFile, "was not made by scrim")
	case !a.now().Before(cert.NotAfter):
		return nil, a.rootExpired(cert)
	}
	if err := a.finishKey(&root); err != nil {
		return nil, err
	}
	sealed, err := a.loadKey(&root)
	return &state{root: root, sealed: sealed}, err
}

func (a *Authority) rootExpired(cert *x509.Certificate) error {
	return &Fault{Path: a.dir.path(rootCertFile), Kind: ErrExpired,
		What: "ran out on " + cert.NotAfter.Format(time.DateOnly),
		Fix:  `make a new root with "scrim ca rotate" and install it on the devices; if the date is still to come, set the clock`}
}

// withoutRoot tells an empty folder from one that lost its certificate.
func (a *Authority) withoutRoot(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, keyErr := os.Lstat(a.dir.path(rootKeyFile)); keyErr == nil {
		return a.foreign(rootKeyFile, "is a key without its certificate "+rootCertFile)
	}
	return err
}

func (a *Authority) foreign(file, what string) error {
	return &Fault{Path: a.dir.path(file), What: what, Fix: freshFix, Kind: ErrForeign}
}

// finishKey completes a root whose making was interrupted between its two files.
func (a *Authority) finishKey(root *pair) error {
	data, err := a.dir.read(nextKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, key, _ := parsePEM(data)
	if key == nil || !key.PublicKey.Equal(root.cert.PublicKey) {
		return a.dir.destroy(nextKeyFile) // its certificate was never put in place
	}
	return a.placeKey()
}

// placeKey puts the next key where the old one was.
func (a *Authority) placeKey() error {
	if err := a.dir.destroy(rootKeyFile); err != nil {
		return err
	}
	if err := os.Rename(a.dir.path(nextKeyFile), a.dir.path(rootKeyFile)); err != nil {
		return err
	}
	return a.dir.sync()
}

// loadKey reads the root's key, or finds that it was sealed.
func (a *Authority) loadKey(root *pair) (sealed bool, err error) {
	mark, err := a.dir.read(sealedFile)
	if err == nil && strings.TrimSpace(string(mark)) == fingerprint(root.cert) {
		return true, a.dir.destroy(rootKeyFile) // a seal that was interrupted is completed
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	data, err := a.dir.read(rootKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, a.foreign(rootKeyFile, "is missing, and the root was not sealed")
	}
	if err != nil {
		return false, err
	}
	_, key, err := parsePEM(data)
	if err != nil || key == nil {
		return false, a.foreign(rootKeyFile, "holds no readable ECDSA key")
	}
	if !key.PublicKey.Equal(root.cert.PublicKey) {
		return false, a.foreign(rootKeyFile, "is not the key of "+rootCertFile)
	}
	root.key = key
	return false, os.Chmod(a.dir.path(rootKeyFile), 0o600)
}

// makeRoot makes a root and puts it on disk: the key first, so that at no moment
// there is a certificate that nobody has the key of.
func (a *Authority) makeRoot() (*state, error) {
	root, err := newRoot(a.now())
	if err != nil {
		return nil, fmt.Errorf("making the root: %w", err)
	}
	key, err := keyPEM(root.key)
	if err != nil {
		return nil, err
	}
	if err := a.dir.write(nextKeyFile, key); err != nil {
		return nil, err
	}
	if err := a.dir.write(rootCertFile, certPEM(root.cert)); err != nil {
		return nil, err
	}
	return &state{root: *root}, a.placeKey()
}

// loadIssuers reads the intermediates of this root; those of another are left for sweep.
func (a *Authority) loadIssuers(root *pair) ([]*issuer, error) {
	files, err := a.dir.issuerFiles()
	if err != nil {
		return nil, err
	}
	var out []*issuer
	for _, file := range files {
		data, err := a.dir.read(file)
		if err != nil {
			return nil, err
		}
		cert, key, err := parsePEM(data)
		if err != nil || cert == nil || key == nil || !key.PublicKey.Equal(cert.PublicKey) {
			continue
		}
		if !bytes.Equal(cert.RawIssuer, root.cert.RawSubject) || cert.CheckSignatureFrom(root.cert) != nil {
			continue
		}
		by := &issuer{pair: pair{cert, key}, file: file}
		if len(cert.Subject.OrganizationalUnit) == 1 {
			by.name = cert.Subject.OrganizationalUnit[0]
		}
		out = append(out, by)
	}
	return out, nil
}
