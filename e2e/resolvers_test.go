package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSetupDNSIsUnderstoodByTheResolvers gives what `scrim setup dns` prints to the real resolvers and asks them.
func TestSetupDNSIsUnderstoodByTheResolvers(t *testing.T) {
	need(t, "dig")
	for _, format := range []string{"dnsmasq", "pihole", "unbound"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			config := filepath.Join(dir, "scrim.yaml")
			write(t, config, "version: 1\nlisten: {tls: \":443\", http: \":80\"}\n")
			lines, stderr, code := run(t, nil, binary, "setup", "dns", "--format", format, "--address", "192.0.2.5,2001:db8::5", "--config", config)
			if code != 0 || stderr != "" {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			file := filepath.Join(dir, "90-scrim.conf")
			write(t, file, lines)
			_, port, _ := net.SplitHostPort(freeAddr(t))
			startResolver(t, format, dir, file, port)
			for _, q := range []struct{ kind, want string }{{"A", "192.0.2.5"}, {"AAAA", "2001:db8::5"}, {"HTTPS", ""}, {"SVCB", ""}} {
				got, _, _ := run(t, nil, "dig", "+short", "+time=2", "+tries=2", "-p", port, "@127.0.0.1", "analytics.plex.tv", q.kind)
				if strings.TrimSpace(got) != q.want {
					t.Errorf("%s: got %q, want %q", q.kind, got, q.want)
				}
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func startResolver(t *testing.T, format, dir, file, port string) {
	t.Helper()
	cmd := exec.Command(need(t, "dnsmasq"), "--keep-in-foreground", "--conf-file="+file, "--port="+port, "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--pid-file=", "--user=", "--group=")
	if format == "unbound" {
		main := filepath.Join(dir, "unbound.conf")
		write(t, main, "server:\n  port: "+port+"\n  interface: 127.0.0.1\n  username: \"\"\n  chroot: \"\"\n  directory: \""+dir+"\"\n  pidfile: \"\"\n  use-syslog: no\nremote-control:\n  control-enable: no\ninclude: \""+file+"\"\n")
		cmd = exec.Command(need(t, "unbound"), "-d", "-c", main)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s did not start", format)
}
