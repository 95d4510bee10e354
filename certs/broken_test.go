package certs

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClockOf1970(t *testing.T) {
	clock := &testClock{now: time.Unix(100, 0)}
	dir := t.TempDir()
	mustOpen(t, Config{Dir: dir, Now: clock.Now}, plexGroups())
	clock.add(time.Since(clock.Now())) // the network set the clock
	a := mustOpen(t, Config{Dir: dir, Now: clock.Now}, plexGroups())
	if err := verify(a, mustLeaf(t, a, "one.example"), "one.example", clock.Now()); err != nil {
		t.Error(err)
	}
}

func TestForeignAndBrokenAuthorities(t *testing.T) {
	foreign := foreignCA(t, true, "Example Corp")
	notCA := foreignCA(t, false, organization)
	tests := map[string]struct {
		change func(d folder)
		want   error
		words  string
	}{
		"foreign":       {func(d folder) { d.write(rootCertFile, foreign) }, ErrForeign, "was not made by scrim"},
		"not_a_ca":      {func(d folder) { d.write(rootCertFile, notCA) }, ErrForeign, "not the certificate of an authority"},
		"garbage":       {func(d folder) { d.write(rootCertFile, []byte("hello")) }, ErrForeign, "no readable certificate"},
		"key_mismatch":  {func(d folder) { k, _ := newKey(); p, _ := keyPEM(k); d.write(rootKeyFile, p) }, ErrForeign, "is not the key of root.pem"},
		"key_missing":   {func(d folder) { os.Remove(d.path(rootKeyFile)) }, ErrForeign, "is missing, and the root was not sealed"},
		"key_garbage":   {func(d folder) { d.write(rootKeyFile, []byte("x")) }, ErrForeign, "no readable ECDSA key"},
		"cert_missing":  {func(d folder) { os.Remove(d.path(rootCertFile)) }, ErrForeign, "a key without its certificate"},
		"cert_symlink":  {func(d folder) { os.Rename(d.path(rootCertFile), d.path("x")); os.Symlink("x", d.path(rootCertFile)) }, ErrUnsafe, "a symbolic link"},
		"key_symlink":   {func(d folder) { os.Rename(d.path(rootKeyFile), d.path("x")); os.Symlink("x", d.path(rootKeyFile)) }, ErrUnsafe, "a symbolic link"},
		"key_is_folder": {func(d folder) { os.Remove(d.path(rootKeyFile)); os.Mkdir(d.path(rootKeyFile), 0o700) }, ErrUnsafe, "a folder"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := folder(t.TempDir())
			mustOpen(t, Config{Dir: string(d)}, plexGroups())
			test.change(d)
			_, err := Open(Config{Dir: string(d)}, plexGroups())
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.words) {
				t.Fatalf("got %v, want %q", err, test.words)
			}
			if test.want == ErrUnsafe {
				return
			}
			if !strings.Contains(err.Error(), "scrim ca rotate") {
				t.Errorf("no way out in %q", err)
			}
			if _, err := Replace(Config{Dir: string(d)}, plexGroups()); err != nil {
				t.Errorf("Replace: %v", err)
			}
		})
	}
}

func TestExpiredRoot(t *testing.T) {
	clock, dir := newClock(), t.TempDir()
	cfg := Config{Dir: dir, Now: clock.Now}
	old := mustOpen(t, cfg, plexGroups()).Fingerprint()
	clock.add(rootLife + time.Hour)
	_, err := Open(cfg, plexGroups())
	if !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "scrim ca rotate") {
		t.Fatalf("got %v", err)
	}
	a, err := Replace(cfg, plexGroups())
	if err != nil || a.Fingerprint() == old {
		t.Fatalf("Replace: %v", err)
	}
	if err := verify(a, mustLeaf(t, a, "one.example"), "one.example", clock.Now()); err != nil {
		t.Error(err)
	}
}

func TestFolderIsALink(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "real"), 0o700)
	os.Symlink("real", filepath.Join(dir, "ca"))
	if _, err := Open(Config{Dir: filepath.Join(dir, "ca")}, nil); !errors.Is(err, ErrUnsafe) {
		t.Errorf("got %v", err)
	}
}

func foreignCA(t *testing.T, isCA bool, org string) []byte {
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{org}},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: isCA, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	return certPEM(cert)
}

func TestBadGroups(t *testing.T) {
	for _, host := range []string{"192.0.2.1", "*", "*.*.example", "a b", "", "example.com/x", strings.Repeat("a", 64) + ".example"} {
		if _, err := Open(Config{Dir: t.TempDir()}, []Group{{Name: "g", Hosts: []string{host}}}); err == nil {
			t.Errorf("host %q was taken", host)
		}
	}
	if _, err := Open(Config{Dir: t.TempDir(), Mode: "both"}, nil); err == nil {
		t.Error("mode was taken")
	}
	if _, err := Open(Config{}, nil); err == nil {
		t.Error("no folder was taken")
	}
}
