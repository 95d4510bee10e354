package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is scrim as `make build` makes it, built once for all tests by TestMain.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scrim-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "scrim")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../cmd/scrim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building scrim: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// need skips a test whose real peer is not installed; in CI every peer is, so a skip there is a failure.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed; make test installs it", program)
		}
		t.Skipf("%s is not installed", program)
	}
	return path
}

// house is a running scrim with a state directory of its own.
type house struct {
	t      *testing.T
	dir    string
	config string
	proxy  string // host:port of the explicit door

	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex // guards out
	out bytes.Buffer
}

// newHouse writes a configuration, extra being YAML added to it, and starts scrim.
func newHouse(t *testing.T, ca *authority, hosts map[string]string, extra string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), proxy: freeAddr(t)}
	h.config = filepath.Join(h.dir, "scrim.yaml")
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nstate_dir: %s\nlisten: {proxy: %q, web: %q}\nupstream:\n  roots: %s\n", filepath.Join(h.dir, "state"), h.proxy, freeAddr(t), ca.file)
	if len(hosts) > 0 {
		b.WriteString("  hosts:\n")
		for name, addr := range hosts {
			fmt.Fprintf(&b, "    %q: %q\n", name, addr)
		}
	}
	b.WriteString(extra)
	if err := os.WriteFile(h.config, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(func() {
		h.stop()
		if t.Failed() {
			t.Logf("scrim said:\n%s", h.said())
		}
	})
	return h
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

type lockedWriter struct{ h *house }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	return w.h.out.Write(p)
}

func (h *house) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.out.String()
}

// start runs `scrim serve` and waits until the explicit door answers.
func (h *house) start() {
	h.t.Helper()
	h.cmd = exec.Command(binary, "serve", "--config", h.config)
	h.cmd.Stdout, h.cmd.Stderr = lockedWriter{h}, lockedWriter{h}
	h.cmd.Env = append(os.Environ(), "http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1") // must be ignored
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { cmd.Wait(); close(done) }(h.cmd, h.done)
	deadline := time.Now().Add(20 * time.Second)
	for {
		c, err := net.DialTimeout("tcp", h.proxy, time.Second)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-h.done:
			h.t.Fatalf("scrim ended at its start:\n%s", h.said())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("scrim's door did not open:\n%s", h.said())
		}
	}
}

func (h *house) stop() {
	if h.cmd == nil || h.cmd.Process == nil {
		return
	}
	h.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-h.done:
	case <-time.After(15 * time.Second):
		h.cmd.Process.Kill()
		<-h.done
		h.t.Errorf("scrim did not stop within 15 s of SIGTERM")
	}
	h.cmd = nil
}

// kill ends scrim as a crash would.
func (h *house) kill() {
	h.cmd.Process.Kill()
	<-h.done
	h.cmd = nil
}

// scrim runs another verb against the same configuration.
func (h *house) scrim(args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	return run(h.t, nil, binary, append(args, "--config", h.config)...)
}

// ca is the file of scrim's own root certificate.
func (h *house) ca() string {
	h.t.Helper()
	file := filepath.Join(h.dir, "scrim-ca.pem")
	out, stderr, code := h.scrim("ca", "export")
	if code != 0 {
		h.t.Fatalf("ca export: exit %d: %s", code, stderr)
	}
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// run runs a program to its end, at most a minute.
func run(t *testing.T, stdin []byte, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return o.String(), e.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return o.String(), e.String(), 0
}

// curl sends e through the explicit door as its product would; args come before the URL.
func (h *house) curl(e *entry, args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	return curlEntry(h.t, e, append([]string{"--proxy", "http://" + h.proxy}, args...)...)
}

// curlEntry lets curl send the request of e, its own header fields suppressed.
func curlEntry(t *testing.T, e *entry, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	all := []string{"--silent", "--show-error", "--max-time", "30", "--noproxy", "", "--path-as-is", "--globoff", "-X", e.Request.Method}
	all = append(all, args...)
	own := map[string]bool{}
	for _, f := range e.Request.Headers {
		name := strings.ToLower(f.Name)
		own[name] = true
		if name == "content-length" || name == "host" || strings.HasPrefix(name, ":") {
			continue
		}
		all = append(all, "-H", f.Name+": "+f.Value)
	}
	for _, name := range []string{"User-Agent", "Accept", "Content-Type"} {
		if !own[strings.ToLower(name)] {
			all = append(all, "-H", name+":")
		}
	}
	body := e.body(t)
	if body != nil {
		all = append(all, "--data-binary", "@-")
	}
	return run(t, body, need(t, "curl"), append(all, e.Request.URL)...)
}

// bothRoots is a file with scrim's root and the internet's: what a device trusts after the CA was installed.
func bothRoots(t *testing.T, h *house, ca *authority) string {
	t.Helper()
	var all []byte
	for _, f := range []string{h.ca(), ca.file} {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw...)
	}
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
