//go:build linux

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDoorsSayWhatIsMissing runs scrim where it lacks a permission or a port: each message says what is missing and
// which way is left.
func TestDoorsSayWhatIsMissing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	need(t, "setpriv")
	dir, err := os.MkdirTemp("", "scrim-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own := filepath.Join(dir, "scrim")
	if out, err := exec.Command("cp", binary, own).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const nobody = 65534
	os.Chmod(dir, 0o755)
	os.Chmod(own, 0o755)
	_, held, _ := net.SplitHostPort(freeAddr(t))
	startResolver(t, "dnsmasq", dir, "/dev/null", held)
	for name, c := range map[string]struct {
		settings string
		root     bool
		args     []string
		want     []string
	}{
		"port 53 without CAP_NET_BIND_SERVICE": {`listen: {proxy: "", web: "", dns: "127.0.0.1:53"}`, false, []string{"serve"},
			[]string{"listening on 127.0.0.1:53 (DNS door): permission denied", "CAP_NET_BIND_SERVICE", "scrim setup dns"}},
		"port 443 without CAP_NET_BIND_SERVICE": {`listen: {proxy: "", web: "", tls: "127.0.0.1:443"}`, false, []string{"serve"},
			[]string{"listening on 127.0.0.1:443 (listen.tls): permission denied", "CAP_NET_BIND_SERVICE"}},
		"tproxy without CAP_NET_ADMIN": {"listen: {proxy: \"\", web: \"\", transparent: \"127.0.0.1:3129\"}\nfirewall: {mode: tproxy}", false, []string{"serve"},
			[]string{"listening on 127.0.0.1:3129 (listen.transparent)", "making the socket transparent (needs CAP_NET_ADMIN): operation not permitted", "hint: grant the binary CAP_NET_ADMIN, or set firewall.mode: redirect"}},
		"rules without CAP_NET_ADMIN": {`listen: {transparent: ":3129"}`, false, []string{"firewall", "apply"},
			[]string{"permission (CAP_NET_ADMIN) is missing", "run it as root", "the explicit proxy (listen.proxy) works, and the DNS door with dns.answer: self"}},
		"rules without the door": {"profile: generalized", true, []string{"firewall", "print"},
			[]string{"the transparent door is off", "set listen.transparent"}},
		"a user that does not exist": {"listen: {transparent: \":3129\"}\nfirewall: {local_users: [nobody-at-all]}", true, []string{"firewall", "apply"},
			[]string{`firewall.local_users: this machine has no user "nobody-at-all"`}},
		"port held by dnsmasq": {`listen: {proxy: "", web: "", dns: "127.0.0.1:` + held + `"}`, true, []string{"serve"},
			[]string{"the port is held by dnsmasq", "scrim setup dns --format dnsmasq"}},
	} {
		t.Run(name, func(t *testing.T) {
			home, err := os.MkdirTemp(dir, "home-")
			if err != nil {
				t.Fatal(err)
			}
			config := filepath.Join(home, "scrim.yaml")
			write(t, config, "version: 1\n"+c.settings+"\n")
			os.Chmod(home, 0o755)
			os.Chmod(config, 0o644)
			args := append(append([]string{own}, c.args...), "--config", config)
			if !c.root {
				if err := os.Chown(home, nobody, nobody); err != nil {
					t.Fatal(err)
				}
				args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"}, args...)
			}
			out, stderr, code := run(t, nil, "timeout", append([]string{"20"}, args...)...)
			if code != 1 {
				t.Errorf("exit %d, want 1: %s%s", code, out, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("got %q, want %q in it", stderr, want)
				}
			}
			if lines := strings.Count(stderr, "\n"); lines > 3 {
				t.Errorf("the message has %d lines:\n%s", lines, stderr)
			}
		})
	}
}
