package certs

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files of an authority's folder.
const (
	rootCertFile = "root.pem"
	rootKeyFile  = "root.key"
	nextKeyFile  = "root.key.next" // the key of a root that is being put in place
	sealedFile   = "sealed"        // holds the fingerprint of the root whose key was destroyed
	issuerPrefix = "issuer-"       // intermediates, certificate and key in one file
	retiredDir   = "retired"       // certificates of former roots, without keys
)

// maxFile bounds what is read of any one file.
const maxFile = 1 << 20

// folder is the authority's directory. It is 0700, its files are 0600, and nothing
// in it may be a symbolic link.
type folder string

func (d folder) path(name string) string { return filepath.Join(string(d), name) }

// prepare makes the folder, or checks and tightens the one that is there.
func (d folder) prepare() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("making the folder of the certificate authority: %w", err)
	}
	info, err := os.Lstat(string(d))
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return unsafe(string(d), "is not a folder but "+kindOf(info), "put a folder of its own there, or change state_dir")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(string(d), 0o700)
	}
	return nil
}

func unsafe(path, what, fix string) error {
	return &Fault{Path: path, What: what, Fix: fix, Kind: ErrUnsafe}
}

func kindOf(info fs.FileInfo) string {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link"
	case info.IsDir():
		return "a folder"
	case info.Mode().IsRegular():
		return "a file"
	}
	return "a special file"
}

// read gives a file's content; fs.ErrNotExist when there is none.
func (d folder) read(name string) ([]byte, error) {
	info, err := os.Lstat(d.path(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, unsafe(d.path(name), "is "+kindOf(info), "replace it by the file itself")
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, unsafe(d.path(name), "changed while it was opened", "try again")
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// write puts a file in place whole or not at all, and on disk before it returns.
func (d folder) write(name string, data []byte) error {
	if info, err := os.Lstat(d.path(name)); err == nil && !info.Mode().IsRegular() {
		return unsafe(d.path(name), "is "+kindOf(info), "remove it")
	}
	f, err := os.CreateTemp(string(d), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", d.path(name), err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.path(name))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", d.path(name), err)
	}
	return d.sync()
}

// sync makes renames and removals last.
func (d folder) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	f.Sync() // not every filesystem can; the rename stands
	return nil
}

// destroy overwrites a file, removes it, and makes that last. On flash memory old
// blocks may outlive this; docs say so.
func (d folder) destroy(name string) error {
	data, err := d.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(d.path(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	noise := make([]byte, len(data))
	rand.Read(noise)
	_, err = f.Write(noise)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("overwriting %s: %w", d.path(name), err)
	}
	if err := os.Remove(d.path(name)); err != nil {
		return err
	}
	return d.sync()
}

// issuerFiles lists the intermediates on disk.
func (d folder) issuerFiles() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), issuerPrefix) && strings.HasSuffix(e.Name(), ".pem") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func issuerFile(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return issuerPrefix + hex.EncodeToString(sum[:8]) + ".pem"
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// parsePEM reads the first certificate and the first key of a file; either may be nil.
func parsePEM(data []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	var cert *x509.Certificate
	var key *ecdsa.PrivateKey
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return cert, key, nil
		}
		var err error
		switch {
		case block.Type == "CERTIFICATE" && cert == nil:
			cert, err = x509.ParseCertificate(block.Bytes)
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && key == nil:
			key, err = parseKey(block)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

func parseKey(block *pem.Block) (*ecdsa.PrivateKey, error) {
	if block.Type == "EC PRIVATE KEY" {
		return x509.ParseECPrivateKey(block.Bytes)
	}
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("the key is %q, not an ECDSA key", strings.ToLower(block.Type))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key cannot be read")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key is %T, not an ECDSA key", parsed)
	}
	return key, nil
}
