//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// netlab is a client, a router and the internet in network namespaces.
type netlab struct {
	client, router, net string
	stops               []func()
}

// Addresses of the netlab.
const (
	labClient = "10.78.0.2"
	labOrigin = "198.51.100.10"
	peerPort  = 3999
)

func newNetlab(s *stage) (*netlab, error) {
	id := fmt.Sprintf("bench%d-", os.Getpid())
	l := &netlab{client: id + "client", router: id + "router", net: id + "net"}
	for _, ns := range []string{l.client, l.router, l.net} {
		if err := l.do("", "ip", "netns", "add", ns); err != nil {
			return l, err
		}
		l.stops = append(l.stops, func() { l.do("", "ip", "netns", "del", ns) })
	}
	for _, line := range []string{
		l.client + " ip link add inner type veth peer name outer netns " + l.router,
		l.router + " ip link add inner type veth peer name outer netns " + l.net,
		l.client + " ip addr add " + labClient + "/24 dev inner", l.router + " ip addr add 10.78.0.1/24 dev outer",
		l.router + " ip addr add 198.51.100.1/24 dev inner", l.net + " ip addr add " + labOrigin + "/24 dev outer",
		l.client + " ip link set inner up", l.router + " ip link set outer up", l.router + " ip link set inner up", l.net + " ip link set outer up",
		l.client + " ip link set lo up", l.router + " ip link set lo up", l.net + " ip link set lo up",
		l.client + " ip route add default via 10.78.0.1", l.net + " ip route add default via 198.51.100.1",
		l.router + " sysctl -qw net.ipv4.ip_forward=1",
	} {
		words := strings.Fields(line)
		if err := l.do(words[0], words[1:]...); err != nil {
			return l, err
		}
	}
	// What every router of a house has, with the connection tracking that comes with it.
	if err := l.do(l.router, "nft", "table ip house { chain out { type nat hook postrouting priority 100; oifname inner masquerade; }; }"); err != nil {
		return l, err
	}
	for _, port := range []string{"443", "8443"} {
		if _, err := l.start(l.net, port, s.self, "-peer", "sink", "-addr", ":"+port); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (l *netlab) close() {
	for i := len(l.stops) - 1; i >= 0; i-- {
		l.stops[i]()
	}
}

// do runs a command in a namespace.
func (l *netlab) do(ns string, args ...string) error {
	if ns != "" {
		args = append([]string{"ip", "netns", "exec", ns}, args...)
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// start starts a program in a namespace and waits until it listens on port; ip becomes it.
func (l *netlab) start(ns, port, program string, args ...string) (*process, error) {
	p := &process{name: filepath.Base(program), cmd: exec.Command("ip", append([]string{"netns", "exec", ns, program}, args...)...)}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	l.stops = append(l.stops, p.stop)
	for range 500 {
		if c, err := l.dial(ns, "127.0.0.1:"+port); err == nil {
			c.Close()
			return p, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("%s did not open port %s", p.name, port)
}

// dial connects from a namespace.
func (l *netlab) dial(ns, addr string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		var fd int
		if fd, err = unix.Open("/var/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err == nil {
			conn, err = net.DialTimeout("tcp", addr, 5*time.Second)
		}
	}()
	<-done
	return conn, err
}

// pull asks the sink for n bytes.
func (l *netlab) pull(port string, n int64) (time.Duration, error) {
	c, err := l.dial(l.client, net.JoinHostPort(labOrigin, port))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	var wish [8]byte
	for i := range wish {
		wish[i] = byte(n >> (56 - 8*i))
	}
	c.Write(wish[:])
	got, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, mib))
	if err != nil || got != n {
		return 0, fmt.Errorf("%d of %d bytes came: %v", got, n, err)
	}
	return time.Since(began), nil
}

// transparent measures a tunnel through the transparent door beside a bare splice forwarder behind the same kind of
// rule, and a transfer that only passes the router, with scrim's table (scope: rules) and without it.
func transparent(s *stage) ([]row, error) {
	if os.Getuid() != 0 {
		return []row{{What: "transparent: network namespaces need root", Name: "splice forwarder"}}, nil
	}
	l, err := newNetlab(s)
	defer l.close()
	if err != nil {
		return nil, err
	}
	config, err := s.transparentConfig("all")
	if err != nil {
		return nil, err
	}
	ours, err := l.start(l.router, "3129", s.binary, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	theirs, err := l.start(l.router, fmt.Sprint(peerPort), s.self, "-peer", "forward", "-addr", fmt.Sprint(":", peerPort), "-to", labOrigin+":443")
	if err != nil {
		return nil, err
	}
	tunnel, err := l.tunnels(s, config, ours, theirs)
	if err != nil {
		return nil, err
	}
	pass, err := l.passes(s)
	return append(tunnel, pass...), err
}

func (s *stage) transparentConfig(scope string) (string, error) {
	dir := filepath.Join(s.dir, "transparent-"+scope)
	config := filepath.Join(dir, "scrim.yaml")
	text := fmt.Sprintf("version: 1\nstate_dir: %s\nlisten: {proxy: \"\", web: \"\", transparent: \":3129\"}\nfirewall: {scope: %s, clients: [%s]}\nledger: {store: memory}\n", filepath.Join(dir, "state"), scope, labClient)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return config, os.WriteFile(config, []byte(text), 0o600)
}

func (l *netlab) tunnels(s *stage, config string, ours, theirs *process) ([]row, error) {
	rule := fmt.Sprintf("table inet peer { chain c { type nat hook prerouting priority -105; tcp dport 443 ip saddr %s redirect to :%d; }; }", labClient, peerPort)
	switches := map[*process][2][]string{
		ours:   {{s.binary, "firewall", "apply", "--config", config}, {s.binary, "firewall", "remove", "--config", config}},
		theirs: {{"nft", rule}, {"nft", "delete table inet peer"}},
	}
	const gigabytes = 2
	cost := map[*process][]float64{}
	for i := range s.rounds + 1 {
		for _, p := range []*process{ours, theirs} {
			if err := l.do(l.router, switches[p][0]...); err != nil {
				return nil, err
			}
			time.Sleep(1200 * time.Millisecond) // scrim says each second that it is there
			before := p.cpu()
			if _, err := l.pull("443", gigabytes<<30); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			if i > 0 {
				cost[p] = append(cost[p], (p.cpu()-before).Seconds()*1000/gigabytes)
			}
			if err := l.do(l.router, switches[p][1]...); err != nil {
				return nil, err
			}
		}
	}
	a, b := spreadOf(cost[ours]), spreadOf(cost[theirs])
	return []row{{What: "transparent tunnel, CPU a GB", Unit: "ms", Scrim: a, Peer: b, Name: "bare splice forwarder, redirected", Ratio: a.Median / b.Median, Target: 1.2}}, nil
}

// passes measures a transfer that no rule is about.
func (l *netlab) passes(s *stage) ([]row, error) {
	config, err := s.transparentConfig("rules")
	if err != nil {
		return nil, err
	}
	var with, without, ratios []float64
	for i := range max(s.rounds, 5) + 1 {
		if err := l.do(l.router, s.binary, "firewall", "apply", "--config", config); err != nil {
			return nil, err
		}
		a, err := l.pull("8443", 2<<30)
		if err != nil {
			return nil, err
		}
		if err := l.do(l.router, s.binary, "firewall", "remove", "--config", config); err != nil {
			return nil, err
		}
		b, err := l.pull("8443", 2<<30)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			with, without, ratios = append(with, 2/a.Seconds()), append(without, 2/b.Seconds()), append(ratios, b.Seconds()/a.Seconds())
		}
	}
	return []row{{What: "transfer past scrim's table, scope: rules", Unit: "GB/s", Scrim: spreadOf(with), Peer: spreadOf(without), Name: "without the table; ratio of times, pair by pair", Ratio: 1 / spreadOf(ratios).Median, Target: 1.05}}, nil
}
