//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lab is a house and the internet in three network namespaces: client, router, net.
type lab struct {
	t                   *testing.T
	client, router, net string
	ca                  *authority
	world               *labWorld

	dir  string
	conf string
	cmd  *exec.Cmd
	done chan struct{}
	both string // file: scrim's root and the internet's

	bulkName, bulkSum string
}

// Addresses of the lab.
const (
	router4, router6 = "10.77.0.1", "fd77::1"
	client4, client6 = "10.77.0.2", "fd77::2"
	origin4, origin6 = "203.0.113.10", "2001:db8:77::10" // of everything but
	far4, far6       = "203.0.113.11", "2001:db8:77::11" // far.example
	dns4             = "203.0.113.53"
)

// newLab builds the namespaces and the internet in them, or skips the test where that is not allowed.
func newLab(t *testing.T) *lab {
	t.Helper()
	skip := func(why string) {
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if os.Getuid() != 0 {
		skip("making network namespaces needs root")
	}
	for _, tool := range []string{"ip", "nft", "curl", "dig"} {
		need(t, tool)
	}
	id := fmt.Sprintf("scrim%d-", os.Getpid())
	l := &lab{t: t, client: id + "client", router: id + "router", net: id + "net", ca: newAuthority(t)}
	for _, ns := range []string{l.client, l.router, l.net} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			skip("network namespaces are not allowed here: " + string(out))
		}
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
		l.ip(ns, "link set lo up")
	}
	l.cable(l.client, client4+"/24", client6+"/64", l.router, router4+"/24", router6+"/64")
	l.cable(l.router, "203.0.113.1/24", "2001:db8:77::1/64", l.net, origin4+"/24", origin6+"/64")
	for _, addr := range []string{far4 + "/24 dev outer", dns4 + "/24 dev outer", far6 + "/64 dev outer nodad"} {
		l.ip(l.net, "addr add "+addr)
	}
	for _, r := range []struct{ ns, via4, via6 string }{{l.client, router4, router6}, {l.net, "203.0.113.1", "2001:db8:77::1"}} {
		l.ip(r.ns, "route add default via "+r.via4)
		l.ip(r.ns, "-6 route add default via "+r.via6)
	}
	l.inside(l.router, func() {
		for _, path := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
			if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
				t.Errorf("%v", err)
			}
		}
	})
	l.resolvers(l.client, router4)
	l.world = newWorld(l)
	return l
}

// cable joins two namespaces; the left end is "inner" there, the right one "outer".
func (l *lab) cable(left, left4, left6, right, right4, right6 string) {
	l.t.Helper()
	l.ip(left, "link add inner type veth peer name outer netns "+right)
	for _, end := range []struct{ ns, dev, v4, v6 string }{{left, "inner", left4, left6}, {right, "outer", right4, right6}} {
		l.ip(end.ns, "addr add "+end.v4+" dev "+end.dev)
		l.ip(end.ns, "addr add "+end.v6+" dev "+end.dev+" nodad")
		l.ip(end.ns, "link set "+end.dev+" up")
	}
}

func (l *lab) ip(ns, args string) {
	l.t.Helper()
	if out, err := exec.Command("ip", append([]string{"-n", ns}, strings.Fields(args)...)...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip -n %s %s: %s", ns, args, out)
	}
}

// resolvers writes the resolv.conf that programs in a namespace see (ip-netns(8)).
func (l *lab) resolvers(ns, addr string) {
	l.t.Helper()
	dir := filepath.Join("/etc/netns", ns)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { os.RemoveAll(dir); os.Remove("/etc/netns") })
	write(l.t, filepath.Join(dir, "resolv.conf"), "nameserver "+addr+"\noptions timeout:2 attempts:2\n")
	os.Chmod(filepath.Join(dir, "resolv.conf"), 0o644)
}

// inside runs f in a namespace: sockets made in it belong there.
func (l *lab) inside(ns string, f func()) {
	l.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		fd, err := unix.Open("/var/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			unix.Close(fd)
		}
		if err != nil {
			l.t.Errorf("entering %s: %v", ns, err)
			return
		}
		f()
	}()
	<-done
}

// dial connects from a namespace.
func (l *lab) dial(ns, network, addr string) (conn net.Conn, err error) {
	l.inside(ns, func() { conn, err = net.DialTimeout(network, addr, 5*time.Second) })
	return conn, err
}

// in runs a program in a namespace.
func (l *lab) in(ns string, stdin []byte, program string, args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	return run(l.t, stdin, "ip", append([]string{"netns", "exec", ns, program}, args...)...)
}

// curl runs curl on the client; the answer ends with the status.
func (l *lab) curl(args ...string) (out string, code int) {
	l.t.Helper()
	all := append([]string{"-sS", "--max-time", "20", "--noproxy", "", "--cacert", l.both, "-w", " %{http_code} %{http_version}"}, args...)
	stdout, stderr, code := l.in(l.client, nil, "curl", all...)
	if code != 0 {
		return stderr, code
	}
	return stdout, 0
}

const labRules = `product: lab
title: A laboratory
hosts: {stats.home.example: telemetry, mixed.home.example: mixed}
rules:
  - id: lab-report
    why: Minutes and names tell who saw what.
    match: {host: stats.home.example, method: POST, path: /report}
    then: generalize
    fields:
      $.minutes: {round: 30}
    examples:
      - name: a film
        in: {body: {minutes: 94, name: me}}
        out: [{body: {minutes: 90}}]
  - id: lab-click
    why: Nobody needs it.
    match: {host: stats.home.example, method: POST, path: /click}
    then: drop
    reply: {status: 200, type: application/json, body: "{}"}
  - id: lab-refuse
    why: It is not wanted.
    match: {host: refused.example}
    then: refuse
`

// serve starts scrim on the router with these settings and waits for its doors. With a firewall it applies the rules.
func (l *lab) serve(settings string, firewall bool) {
	l.t.Helper()
	l.dir = l.t.TempDir()
	l.conf = filepath.Join(l.dir, "scrim.yaml")
	write(l.t, filepath.Join(l.dir, "lab.yaml"), labRules)
	write(l.t, l.conf, "version: 1\nstate_dir: "+filepath.Join(l.dir, "state")+"\nrule_files: [lab.yaml]\nledger: {store: memory}\nupstream: {roots: "+l.ca.file+"}\n"+settings)
	if firewall {
		l.scrim("firewall", "apply")
		l.t.Cleanup(func() { l.scrim("firewall", "remove") })
	}
	l.start()
	root, _ := l.scrim("ca", "export")
	internet, err := os.ReadFile(l.ca.file)
	if err != nil {
		l.t.Fatal(err)
	}
	l.both = filepath.Join(l.dir, "both.pem")
	write(l.t, l.both, root+string(internet))
	os.Chmod(l.dir, 0o755)
}

func (l *lab) start() {
	l.t.Helper()
	l.cmd = exec.Command("ip", "netns", "exec", l.router, binary, "serve", "--config", l.conf)
	out := &lineBuffer{marks: make(chan struct{}, 1), mark: "rules  "}
	l.cmd.Stdout, l.cmd.Stderr = out, out
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { cmd.Wait(); close(done) }(l.cmd, l.done)
	l.t.Cleanup(func() {
		l.kill()
		if l.t.Failed() {
			l.t.Logf("scrim said:\n%s", out)
		}
	})
	select {
	case <-out.marks:
	case <-l.done:
		l.t.Fatalf("scrim ended at its start:\n%s", out)
	case <-time.After(20 * time.Second):
		l.t.Fatalf("scrim did not start:\n%s", out)
	}
	time.Sleep(100 * time.Millisecond)
}

// kill ends scrim as a crash would; ip has become it.
func (l *lab) kill() {
	l.cmd.Process.Kill()
	<-l.done
}

// scrim runs another verb on the router.
func (l *lab) scrim(args ...string) (stdout, stderr string) {
	l.t.Helper()
	stdout, stderr, code := l.in(l.router, nil, binary, append(args, "--config", l.conf)...)
	if code != 0 {
		l.t.Fatalf("scrim %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout, stderr
}

// until waits for something that comes about by itself.
func (l *lab) until(what string, limit time.Duration, holds func() bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			l.t.Errorf("%s: not within %v", what, limit)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}
