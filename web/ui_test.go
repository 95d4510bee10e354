package web

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// modules installs what drives the browser into a cache of the user's, by the lock file, and returns its folder.
// Where that cannot be, the test skips; in CI it fails.
func modules(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the browser is not started in -short")
	}
	missing := func(format string, args ...any) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatalf(format, args...)
		}
		t.Skipf(format, args...)
	}
	for _, program := range []string{"node", "npm", chromium()} {
		if _, err := exec.LookPath(program); err != nil {
			missing("the review UI is not tried in a browser: %s is missing (Debian: apt install nodejs npm chromium)", program)
		}
	}
	lock, err := os.ReadFile(filepath.Join("uitest", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "scrim-uitest-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core", "package.json")); err == nil {
		return dir
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	made, err := os.MkdirTemp(cache, "scrim-uitest-new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(made)
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join("uitest", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(made, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = made
	if out, err := install.CombinedOutput(); err != nil {
		missing("npm cannot install what drives the browser: %v\n%s", err, out)
	}
	os.RemoveAll(dir)
	if err := os.Rename(made, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func chromium() string {
	if program := os.Getenv("SCRIM_CHROMIUM"); program != "" {
		return program
	}
	return "/usr/bin/chromium"
}

// drive runs a file of uitest and shows what it said.
func drive(t *testing.T, file string, env ...string) {
	t.Helper()
	dir := modules(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--test", "--test-force-exit", "--test-reporter=spec", file)
	cmd.Dir = "uitest"
	cmd.Env = append(append(os.Environ(), "SCRIM_UITEST_MODULES="+dir, "SCRIM_CHROMIUM="+chromium()), env...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
	t.Logf("%s", out)
}

func TestPagesInABrowser(t *testing.T) {
	drive(t, "ui.test.mjs")
}

func TestHostileTextAndKeyboardInABrowser(t *testing.T) {
	drive(t, "hostile.test.mjs")
}

func TestVendoredFilesAreTheReviewedOnes(t *testing.T) {
	dir := filepath.Join("static", "vendor")
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("not a line of SHA256SUMS: %q", line)
		}
		listed[name] = sum
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.Name() == "SHA256SUMS" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != listed[file.Name()] {
			t.Errorf("%s: got %s, want %q: run web/vendor.sh", file.Name(), got, listed[file.Name()])
		}
		delete(listed, file.Name())
	}
	for name := range listed {
		t.Errorf("%s is listed and not there", name)
	}
}

// The pages never make HTML of text, never evaluate text, and name no other host but in a link that people follow.
func TestPagesHoldNothingThatRunsText(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function|srcdoc|\bstyle="|\son[a-z]+="`)
	address := regexp.MustCompile(`https?://[^\s'"` + "`" + `\\)<]+`)
	// Example addresses in the text, and Plex's own page: shown or followed, never loaded.
	known := regexp.MustCompile(`^https?://(www\.plex\.tv/|metrics\.plex\.tv/|www\.w3\.org/2000/svg|\$\{|nas:)`)
	err := fs.WalkDir(os.DirFS("static"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "vendor/") {
			return err
		}
		data, err := os.ReadFile(filepath.Join("static", name))
		if err != nil {
			return err
		}
		for i, line := range bytes.Split(data, []byte("\n")) {
			if found := forbidden.Find(line); found != nil {
				t.Errorf("%s:%d: %q", name, i+1, found)
			}
			for _, found := range address.FindAll(line, -1) {
				if !known.Match(found) {
					t.Errorf("%s:%d: another host: %s", name, i+1, found)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scrim itself, with an origin: what the pages say is what happens.
func TestPagesOfARunningScrimInABrowser(t *testing.T) {
	modules(t)
	dir := t.TempDir()
	binary := filepath.Join(dir, "scrim")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/scrim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building scrim: %v\n%s", err, out)
	}
	cert, key := originCertificate(t, dir, "analytics.plex.tv")
	drive(t, "real.test.mjs", "SCRIM_BINARY="+binary, "SCRIM_ORIGIN_CERT="+cert, "SCRIM_ORIGIN_KEY="+key)
}

// originCertificate writes a certificate of its own for a host, and its key.
func originCertificate(t *testing.T, dir, host string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "origin of a test"}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "origin.pem"), filepath.Join(dir, "origin.key")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
