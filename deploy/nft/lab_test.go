//go:build linux

package nft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lab is three network namespaces in a row: client, router, net.
type lab struct {
	client, router, net string
}

// Addresses of the lab.
const (
	origin4, origin6 = "203.0.113.10", "2001:db8:77::10"
	other4, other6   = "203.0.113.11", "2001:db8:77::11"
)

// newLab builds the namespaces, or skips the test where that is not allowed.
func newLab(t testing.TB) lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("making network namespaces needs root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	id := fmt.Sprintf("scrim%d-", os.Getpid())
	l := lab{id + "client", id + "router", id + "net"}
	for _, ns := range []string{l.client, l.router, l.net} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("network namespaces are not allowed here: %s", out)
		}
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
		ip(t, ns, "link set lo up")
	}
	l.cable(t, l.client, "10.77.0.2/24", "fd77::2/64", l.router, "10.77.0.1/24", "fd77::1/64")
	l.cable(t, l.router, "203.0.113.1/24", "2001:db8:77::1/64", l.net, origin4+"/24", origin6+"/64")
	ip(t, l.net, "addr add "+other4+"/24 dev outer")
	ip(t, l.net, "addr add "+other6+"/64 dev outer nodad")
	for _, r := range []struct{ ns, via4, via6 string }{{l.client, "10.77.0.1", "fd77::1"}, {l.net, "203.0.113.1", "2001:db8:77::1"}} {
		ip(t, r.ns, "route add default via "+r.via4)
		ip(t, r.ns, "-6 route add default via "+r.via6)
	}
	inside(t, l.router, func() {
		for _, path := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
			if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
				t.Errorf("%v", err)
			}
		}
	})
	return l
}

// cable joins two namespaces; the left end is "inner" there, the right one "outer".
func (l lab) cable(t testing.TB, left, left4, left6, right, right4, right6 string) {
	t.Helper()
	ip(t, left, "link add inner type veth peer name outer netns "+right)
	for _, end := range []struct{ ns, dev, v4, v6 string }{{left, "inner", left4, left6}, {right, "outer", right4, right6}} {
		ip(t, end.ns, "addr add "+end.v4+" dev "+end.dev)
		ip(t, end.ns, "addr add "+end.v6+" dev "+end.dev+" nodad")
		ip(t, end.ns, "link set "+end.dev+" up")
	}
}

func ip(t testing.TB, ns, args string) {
	t.Helper()
	if out, err := exec.Command("ip", append([]string{"-n", ns}, strings.Fields(args)...)...).CombinedOutput(); err != nil {
		t.Fatalf("ip -n %s %s: %s", ns, args, out)
	}
}

// inside runs f in a namespace: sockets and commands made in it belong there.
func inside(t testing.TB, ns string, f func()) {
	t.Helper()
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
			t.Errorf("entering %s: %v", ns, err)
			return
		}
		f()
	}()
	<-done
}

// door accepts redirected connections and says where they were meant to go.
type door struct {
	port  uint16
	close func()
}

func openDoor(t testing.TB, ns string, transparent bool) door {
	t.Helper()
	var d door
	inside(t, ns, func() {
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			var err error
			c.Control(func(fd uintptr) {
				if transparent {
					err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1),
						unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1))
				}
			})
			return err
		}}
		l, err := lc.Listen(context.Background(), "tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		d.close = func() { l.Close() }
		t.Cleanup(d.close)
		d.port = uint16(l.Addr().(*net.TCPAddr).Port)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				dst := c.LocalAddr().(*net.TCPAddr).AddrPort()
				if !transparent {
					dst = originalDst(c.(*net.TCPConn))
				}
				fmt.Fprintf(c, "door %s", netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port()))
				c.Close()
			}
		}()
	})
	return d
}

// originalDst asks the kernel where a redirected connection was going.
func originalDst(c *net.TCPConn) netip.AddrPort {
	raw, _ := c.SyscallConn()
	var out netip.AddrPort
	raw.Control(func(fd uintptr) {
		var sa unix.RawSockaddrInet6
		size := uint32(unsafe.Sizeof(sa))
		level, option := uintptr(unix.SOL_IPV6), uintptr(80) // IP6T_SO_ORIGINAL_DST
		if c.RemoteAddr().(*net.TCPAddr).IP.To4() != nil {
			level, option = unix.SOL_IP, unix.SO_ORIGINAL_DST
		}
		unix.Syscall6(unix.SYS_GETSOCKOPT, fd, level, option, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)), 0)
		port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
		if sa.Family == unix.AF_INET {
			out = netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&sa)).Addr), port)
			return
		}
		out = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), port)
	})
	return out
}

// openOrigin serves TCP 443 and 8080 and UDP 443 in the net.
func openOrigin(t testing.TB, ns string) {
	t.Helper()
	inside(t, ns, func() {
		for _, addr := range []string{":443", ":8080"} {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					fmt.Fprintf(c, "origin")
					c.Close()
				}
			}()
		}
		for _, addr := range []string{origin4, origin6, other4, other6} { // so that answers come from there
			p, err := net.ListenPacket("udp", at(addr, 443))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Close() })
			go func() {
				buf := make([]byte, 100)
				for {
					_, from, err := p.ReadFrom(buf)
					if err != nil {
						return
					}
					p.WriteTo([]byte("origin"), from)
				}
			}()
		}
	})
}

// reach connects from a namespace and returns what it is told: by whom it was met.
func reach(t testing.TB, ns, network, addr string) string {
	t.Helper()
	var out string
	inside(t, ns, func() {
		c, err := net.DialTimeout(network, addr, 3*time.Second)
		if err != nil {
			out = err.Error()
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(3 * time.Second))
		if network == "udp" {
			c.Write([]byte("hello"))
		}
		buf := make([]byte, 200)
		n, err := c.Read(buf)
		if out = string(buf[:n]); err != nil && n == 0 {
			out = err.Error()
		}
	})
	return out
}

func at(addr string, port int) string { return net.JoinHostPort(addr, fmt.Sprint(port)) }

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func inRouter(t *testing.T, l lab, what string, f func(context.Context) error) {
	t.Helper()
	inside(t, l.router, func() {
		if err := f(context.Background()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	})
}

func listing(t *testing.T, l lab) string {
	var out string
	inside(t, l.router, func() {
		text, err := run(context.Background(), "", "nft", "-s", "list", "ruleset")
		if err != nil {
			t.Error(err)
		}
		out = text
		for _, family := range []string{"-4", "-6"} {
			rules, _ := run(context.Background(), "", "ip", family, "rule")
			routes, err := run(context.Background(), "", "ip", family, "route", "show", "table", fmt.Sprint(RouteID))
			if err != nil {
				routes = "" // the kernel says so of a table that was never used
			}
			out += "\n" + rules + "\n" + routes
		}
	})
	return out
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
