package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClock is a clock that tests turn.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *testClock { return &testClock{now: time.Now()} }

func plexGroups() []Group {
	return []Group{
		{Name: "plex", Hosts: []string{"analytics.plex.tv", "Metrics.Plex.tv."}},
		{Name: "owner", Hosts: []string{"*.stats.example", "one.example"}},
	}
}

func mustOpen(t testing.TB, cfg Config, groups []Group) *Authority {
	t.Helper()
	a, err := Open(cfg, groups)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustLeaf(t testing.TB, a *Authority, host string) *tls.Certificate {
	t.Helper()
	leaf, err := a.Leaf(host)
	if err != nil {
		t.Fatalf("Leaf(%q): %v", host, err)
	}
	return leaf
}

func verify(a *Authority, leaf *tls.Certificate, host string, now time.Time) error {
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Root())
	for _, der := range leaf.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		middle.AddCert(cert)
	}
	_, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: middle, CurrentTime: now})
	return err
}

func TestLeafVerifiesAndLives30Days(t *testing.T) {
	clock := newClock()
	a := mustOpen(t, Config{Dir: t.TempDir(), Now: clock.Now}, plexGroups())
	for _, host := range []string{"analytics.plex.tv", "metrics.plex.tv", "METRICS.plex.tv.", "a.b.stats.example", "one.example"} {
		leaf := mustLeaf(t, a, host)
		want := strings.ToLower(strings.TrimSuffix(host, "."))
		if err := verify(a, leaf, want, clock.Now()); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if got := leaf.Leaf.DNSNames; len(got) != 1 || got[0] != want {
			t.Errorf("%s: names %v", host, got)
		}
		if got := leaf.Leaf.NotAfter.Sub(leaf.Leaf.NotBefore); got != leafLife {
			t.Errorf("%s: lives %v, want %v", host, got, leafLife)
		}
		if len(leaf.Certificate) != 2 {
			t.Errorf("%s: chain of %d, want leaf and intermediate", host, len(leaf.Certificate))
		}
	}
}

func TestShapeOfTheChain(t *testing.T) {
	a := mustOpen(t, Config{Dir: t.TempDir()}, plexGroups())
	root := a.Root()
	if !root.IsCA || root.MaxPathLen != 1 || root.PublicKey.(*ecdsa.PublicKey).Curve != elliptic.P256() {
		t.Errorf("root: CA %v, path length %d", root.IsCA, root.MaxPathLen)
	}
	leaf := mustLeaf(t, a, "one.example")
	middle, err := x509.ParseCertificate(leaf.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	if middle.MaxPathLen != 0 || !middle.MaxPathLenZero || !middle.PermittedDNSDomainsCritical || len(middle.ExcludedIPRanges) != 2 {
		t.Errorf("intermediate is not constrained: %+v", middle)
	}
	if got := fmt.Sprint(middle.PermittedDNSDomains); got != "[one.example stats.example]" {
		t.Errorf("permitted %s", got)
	}
	if leaf.Leaf.IsCA || len(leaf.Leaf.ExtKeyUsage) != 1 || leaf.Leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("leaf usages %v", leaf.Leaf.ExtKeyUsage)
	}
}

func TestNothingSignsWhatNoGroupHolds(t *testing.T) {
	a := mustOpen(t, Config{Dir: t.TempDir()}, plexGroups())
	for _, host := range []string{"plex.tv", "a.analytics.plex.tv", "stats.example", "one.example.org", "example",
		"192.0.2.1", "2001:db8::1", "[2001:db8::1]", "", ".", "a b.stats.example", "*.stats.example", "x..stats.example"} {
		if _, err := a.Leaf(host); !errors.Is(err, ErrNotHeld) {
			t.Errorf("Leaf(%q): got %v, want ErrNotHeld", host, err)
		}
	}
}

func TestReopenKeepsRootAndIntermediates(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, Config{Dir: dir}, plexGroups())
	b := mustOpen(t, Config{Dir: dir}, plexGroups())
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("the root changed")
	}
	for i, by := range b.Issuers() {
		if by.Fingerprint != a.Issuers()[i].Fingerprint {
			t.Errorf("intermediate %s changed", by.Name)
		}
	}
	c := mustOpen(t, Config{Dir: dir}, nil) // as "scrim ca show" does
	if len(c.Issuers()) != 2 {
		t.Errorf("opening without groups left %d intermediates", len(c.Issuers()))
	}
	if err := b.SetGroups(plexGroups()[:1]); err != nil {
		t.Fatal(err)
	}
	if files, _ := folder(dir).issuerFiles(); len(files) != 1 {
		t.Errorf("unused intermediate stays: %v", files)
	}
	if _, err := b.Leaf("one.example"); !errors.Is(err, ErrNotHeld) {
		t.Errorf("a host that was taken out: %v", err)
	}
}

func TestFilesAreClosedToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	mustOpen(t, Config{Dir: dir}, plexGroups())
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("folder is %v", info.Mode())
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, _ := e.Info(); !e.IsDir() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", e.Name(), info.Mode())
		}
	}
}

func TestGroupsOfMoreThan500AreSplit(t *testing.T) {
	var hosts []string
	for i := range 1200 {
		hosts = append(hosts, fmt.Sprintf("h%04d.example", i))
	}
	a := mustOpen(t, Config{Dir: t.TempDir()}, []Group{{Name: "owner", Hosts: hosts}})
	if got := len(a.Issuers()); got != 3 {
		t.Fatalf("%d intermediates, want 3", got)
	}
	for _, host := range []string{hosts[0], hosts[700], hosts[1199]} {
		if err := verify(a, mustLeaf(t, a, host), host, time.Now()); err != nil {
			t.Error(err)
		}
	}
}

func TestSealDestroysTheKeyAndRefusesNewHosts(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, Config{Dir: dir}, plexGroups())
	if err := a.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, rootKeyFile)); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the key is still there: %v", err)
	}
	more := append(plexGroups(), Group{Name: "new", Hosts: []string{"new.example", "sub.one.example"}})
	for name, sealed := range map[string]*Authority{"same": a, "reopened": mustOpen(t, Config{Dir: dir}, plexGroups())} {
		err := sealed.SetGroups(more)
		var uncovered *UncoveredError
		if !errors.As(err, &uncovered) || len(uncovered.Hosts) != 1 || uncovered.Hosts[0] != "new.example" {
			t.Fatalf("%s: got %v", name, err)
		}
		if !strings.Contains(err.Error(), "scrim ca rotate") || errors.As(sealed.Check(more), &uncovered) == false {
			t.Errorf("%s: no way out in %q", name, err)
		}
		mustLeaf(t, sealed, "metrics.plex.tv")
		if _, err := sealed.Leaf("sub.one.example"); !errors.Is(err, ErrNotHeld) {
			t.Errorf("%s: refused groups took effect: %v", name, err)
		}
		// A host below a covered one can be added, by the old intermediate.
		if err := sealed.SetGroups([]Group{{Name: "new", Hosts: []string{"sub.one.example"}}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := verify(sealed, mustLeaf(t, sealed, "sub.one.example"), "sub.one.example", time.Now()); err != nil {
			t.Error(err)
		}
		if !sealed.Sealed() || sealed.SetGroups(plexGroups()) != nil {
			t.Errorf("%s: a group that was left out cannot come back", name)
		}
	}
	var uncovered *UncoveredError
	if _, err := Open(Config{Dir: dir}, more); !errors.As(err, &uncovered) {
		t.Errorf("Open: got %v", err)
	}
}

func TestSealedModeAndItsLongLife(t *testing.T) {
	clock, dir := newClock(), t.TempDir()
	a := mustOpen(t, Config{Dir: dir, Mode: Sealed, Now: clock.Now}, plexGroups())
	if !a.Sealed() {
		t.Fatal("not sealed")
	}
	clock.add(8 * 365 * 24 * time.Hour)
	if err := verify(a, mustLeaf(t, a, "one.example"), "one.example", clock.Now()); err != nil {
		t.Errorf("after eight years: %v", err)
	}
	clock.add(3 * 365 * 24 * time.Hour)
	if _, err := a.Leaf("metrics.plex.tv"); !errors.Is(err, ErrExpired) {
		t.Errorf("after eleven years: %v", err)
	}
	if err := mustOpen(t, Config{Dir: t.TempDir()}, nil).Seal(); err == nil {
		t.Error("sealing without any host was allowed")
	}
}

func TestInterruptedSealIsCompleted(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, Config{Dir: dir}, plexGroups())
	if err := folder(dir).write(sealedFile, []byte(a.Fingerprint()+"\n")); err != nil {
		t.Fatal(err)
	}
	if b := mustOpen(t, Config{Dir: dir}, plexGroups()); !b.Sealed() {
		t.Error("not sealed")
	}
	if _, err := os.Stat(filepath.Join(dir, rootKeyFile)); err == nil {
		t.Error("the key is still there")
	}
}

func TestRotate(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, Config{Dir: dir}, plexGroups())
	if err := a.Seal(); err != nil {
		t.Fatal(err)
	}
	before := a.Fingerprint()
	old, err := a.Rotate()
	if err != nil || old != before {
		t.Fatalf("got %q, %v", old, err)
	}
	if a.Fingerprint() == before || a.Sealed() {
		t.Error("the root did not change")
	}
	if err := verify(a, mustLeaf(t, a, "one.example"), "one.example", time.Now()); err != nil {
		t.Error(err)
	}
	retired, _ := filepath.Glob(filepath.Join(dir, retiredDir, "*"))
	if len(retired) != 1 {
		t.Fatalf("retired: %v", retired)
	}
	if data, _ := os.ReadFile(retired[0]); strings.Contains(string(data), "PRIVATE") {
		t.Error("a retired root keeps its key")
	}
	if b := mustOpen(t, Config{Dir: dir}, plexGroups()); b.Fingerprint() != a.Fingerprint() {
		t.Error("rotation did not last")
	}
}

func TestInterruptedRotation(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, Config{Dir: dir}, plexGroups())
	next, _ := newRoot(time.Now())
	key, _ := keyPEM(next.key)
	d := folder(dir)
	if err := d.write(nextKeyFile, key); err != nil {
		t.Fatal(err)
	}
	if b := mustOpen(t, Config{Dir: dir}, plexGroups()); b.Fingerprint() != a.Fingerprint() {
		t.Error("before the certificate: the old root is gone")
	}
	d.write(nextKeyFile, key)
	d.write(rootCertFile, certPEM(next.cert))
	b := mustOpen(t, Config{Dir: dir}, plexGroups())
	if b.Fingerprint() != fingerprint(next.cert) {
		t.Error("after the certificate: the new root is not in place")
	}
	if err := verify(b, mustLeaf(t, b, "one.example"), "one.example", time.Now()); err != nil {
		t.Error(err)
	}
}

func TestLeavesAndIntermediatesAreRenewed(t *testing.T) {
	clock := newClock()
	a := mustOpen(t, Config{Dir: t.TempDir(), Now: clock.Now}, plexGroups())
	first := mustLeaf(t, a, "one.example")
	if mustLeaf(t, a, "one.example") != first {
		t.Error("not cached")
	}
	clock.add(leafLife - leafRenewBefore)
	second := mustLeaf(t, a, "one.example")
	if second == first {
		t.Error("not renewed before its end")
	}
	clock.add(intermediateLife)
	third := mustLeaf(t, a, "one.example")
	if err := verify(a, third, "one.example", clock.Now()); err != nil {
		t.Errorf("after a year: %v", err)
	}
	clock.add(9*365*24*time.Hour - 40*24*time.Hour) // the root's last days
	if err := verify(a, mustLeaf(t, a, "one.example"), "one.example", clock.Now()); err != nil {
		t.Errorf("in the root's last days: %v", err)
	}
	clock.add(60 * 24 * time.Hour)
	if _, err := a.Leaf("one.example"); !errors.Is(err, ErrExpired) {
		t.Errorf("after the root's end: %v", err)
	}
}

func TestCacheIsBoundedAndMakesEachOnce(t *testing.T) {
	a := mustOpen(t, Config{Dir: t.TempDir(), CacheSize: 8}, plexGroups())
	var wg sync.WaitGroup
	certs := make([]*tls.Certificate, 32)
	for i := range certs {
		wg.Go(func() { certs[i], _ = a.Leaf("one.example") })
	}
	wg.Wait()
	for _, cert := range certs {
		if cert == nil || cert != certs[0] {
			t.Fatal("made more than once")
		}
	}
	for i := range 50 {
		mustLeaf(t, a, fmt.Sprintf("h%d.stats.example", i))
	}
	if got := a.state.Load().leaves.len(); got != 8 {
		t.Errorf("cache holds %d, want 8", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	a := mustOpen(t, Config{Dir: t.TempDir(), CacheSize: 4}, plexGroups())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 30 {
				host := fmt.Sprintf("h%d.stats.example", (i+j)%6)
				if _, err := a.Leaf(host); err != nil && !errors.Is(err, ErrNotHeld) {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 10 {
			if err := a.SetGroups(plexGroups()[i%2:]); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		if _, err := a.Rotate(); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if err := verify(a, mustLeaf(t, a, "one.example"), "one.example", time.Now()); err != nil {
		t.Error(err)
	}
}

func TestTwoProcessesStartAtOnce(t *testing.T) {
	dir := t.TempDir()
	prints := make([]string, 8)
	var wg sync.WaitGroup
	for i := range prints {
		wg.Go(func() {
			a, err := Open(Config{Dir: dir}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = a.Fingerprint()
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p != prints[0] {
			t.Fatal("two roots were made")
		}
	}
}

func BenchmarkLeafCached(b *testing.B) {
	a := mustOpen(b, Config{Dir: b.TempDir()}, plexGroups())
	for b.Loop() {
		mustLeaf(b, a, "one.example")
	}
}

func BenchmarkLeafMade(b *testing.B) {
	a := mustOpen(b, Config{Dir: b.TempDir(), CacheSize: 1}, plexGroups())
	for i := 0; b.Loop(); i++ {
		mustLeaf(b, a, fmt.Sprintf("h%d.stats.example", i%2))
	}
}
