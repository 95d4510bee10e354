//go:build linux

package nft

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestConnectionsAreTaken(t *testing.T) {
	for _, mode := range []Mode{Redirect, TProxy} {
		t.Run(string(mode), func(t *testing.T) {
			l := newLab(t)
			openOrigin(t, l.net)
			d := openDoor(t, l.router, mode == TProxy)
			before := listing(t, l)
			cfg := Config{Mode: mode, Port: d.port, OwnUID: 990}
			for range 2 {
				inRouter(t, l, "apply", func(ctx context.Context) error { return Apply(ctx, cfg) })
			}
			var origins Origins
			defer origins.Close()
			add := func(ctx context.Context) error {
				return origins.Add(ctx, []netip.Addr{netip.MustParseAddr(origin4), netip.MustParseAddr(origin6)}, time.Hour)
			}
			expect(t, "before the DNS door spoke", reach(t, l.client, "tcp", at(origin4, 443)), "origin")
			inRouter(t, l, "add", add)
			inRouter(t, l, "add again", add)
			inRouter(t, l, "apply again", func(ctx context.Context) error { return Apply(ctx, cfg) })
			for _, addr := range []string{origin4, origin6} {
				expect(t, "ruled "+addr, reach(t, l.client, "tcp", at(addr, 443)), "door "+at(addr, 443))
				expect(t, "another port", reach(t, l.client, "tcp", at(addr, 8080)), "origin")
				expect(t, "QUIC", reach(t, l.client, "udp", at(addr, 443)), "refused")
				expect(t, "scrim's own connection", reach(t, l.router, "tcp", at(addr, 443)), "origin")
			}
			inRouter(t, l, "counting QUIC", func(context.Context) error {
				if err := origins.Ready(); err != nil {
					return err
				}
				got, err := origins.Rejected()
				for _, client := range []string{"10.77.0.2", "fd77::2"} {
					if n := got[netip.MustParseAddr(client)]; n != 1 {
						t.Errorf("%d packets of %s were counted, want 1 (%v)", n, client, got)
					}
				}
				return err
			})
			for _, addr := range []string{other4, other6} {
				expect(t, "not ruled", reach(t, l.client, "tcp", at(addr, 443)), "origin")
				expect(t, "QUIC, not ruled", reach(t, l.client, "udp", at(addr, 443)), "origin")
			}
			inRouter(t, l, "remove", Remove)
			inRouter(t, l, "remove again", Remove)
			inRouter(t, l, "asking after removal", func(context.Context) error {
				if err := origins.Ready(); !errors.Is(err, ErrNotApplied) {
					t.Errorf("got %v, want ErrNotApplied", err)
				}
				return nil
			})
			if after := listing(t, l); after != before {
				t.Errorf("something stays:\n%s\nbefore:\n%s", after, before)
			}
			expect(t, "after removal", reach(t, l.client, "tcp", at(origin4, 443)), "origin")
		})
	}
}

func TestScopeAllTakesNamedClientsOnly(t *testing.T) {
	for _, mode := range []Mode{Redirect, TProxy} {
		t.Run(string(mode), func(t *testing.T) {
			l := newLab(t)
			openOrigin(t, l.net)
			d := openDoor(t, l.router, mode == TProxy)
			cfg := Config{Mode: mode, Scope: ScopeAll, Port: d.port, Clients: prefixList("10.77.0.2/32", "fd77::/64"),
				Exclude: prefixList(other4 + "/32"), OwnUID: 990}
			inRouter(t, l, "apply", func(ctx context.Context) error { return Apply(ctx, cfg) })
			expect(t, "before scrim runs", reach(t, l.client, "tcp", at(origin4, 443)), "origin")
			alive(t, l, cfg)
			expect(t, "IPv4", reach(t, l.client, "tcp", at(origin4, 443)), "door "+at(origin4, 443))
			expect(t, "IPv6", reach(t, l.client, "tcp", at(other6, 443)), "door "+at(other6, 443))
			expect(t, "excluded", reach(t, l.client, "tcp", at(other4, 443)), "origin")
			expect(t, "QUIC", reach(t, l.client, "udp", at(origin6, 443)), "refused")
			expect(t, "another port", reach(t, l.client, "tcp", at(origin4, 8080)), "origin")
			cfg.Clients = prefixList("10.77.0.99/32")
			inRouter(t, l, "apply", func(ctx context.Context) error { return Apply(ctx, cfg) })
			expect(t, "another client", reach(t, l.client, "tcp", at(origin4, 443)), "origin")
			expect(t, "a family without clients", reach(t, l.client, "tcp", at(origin6, 443)), "origin")
		})
	}
}

// alive runs what tells the kernel that scrim is there; stop ends it.
func alive(t *testing.T, l lab, cfg Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		var origins Origins
		defer origins.Close()
		inside(t, l.router, func() {
			origins.Run(ctx, cfg, func(err error) { t.Errorf("telling that we run: %v", err) })
		})
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	time.Sleep(200 * time.Millisecond)
	return stop
}

// When scrim is gone, what no rule names goes on, and what one names stays in the house.
func TestScrimDies(t *testing.T) {
	for _, cfg := range []Config{
		{Mode: Redirect}, {Mode: TProxy},
		{Mode: Redirect, Scope: ScopeAll, Clients: prefixList("10.77.0.0/24", "fd77::/64")},
		{Mode: TProxy, Scope: ScopeAll, Clients: prefixList("10.77.0.0/24", "fd77::/64")},
	} {
		t.Run(string(cfg.Mode)+"_"+string(cfg.Scope), func(t *testing.T) {
			l := newLab(t)
			openOrigin(t, l.net)
			d := openDoor(t, l.router, cfg.Mode == TProxy)
			cfg.Port, cfg.OwnUID = d.port, 990
			inRouter(t, l, "apply", func(ctx context.Context) error { return Apply(ctx, cfg) })
			var origins Origins
			defer origins.Close()
			inRouter(t, l, "add", func(ctx context.Context) error {
				return origins.Add(ctx, []netip.Addr{netip.MustParseAddr(origin4), netip.MustParseAddr(origin6)}, time.Hour)
			})
			stop := alive(t, l, cfg)
			for _, addr := range []string{origin4, origin6} {
				expect(t, "alive "+addr, reach(t, l.client, "tcp", at(addr, 443)), "door")
			}
			stop()
			d.close()
			if cfg.Scope == ScopeAll {
				time.Sleep(aliveFor + 500*time.Millisecond)
			}
			for _, addr := range []string{origin4, origin6} {
				expect(t, "dead, ruled "+addr, reach(t, l.client, "tcp", at(addr, 443)), "refused")
				expect(t, "dead, QUIC "+addr, reach(t, l.client, "udp", at(addr, 443)), "refused")
			}
			for _, addr := range []string{other4, other6} {
				expect(t, "dead, not ruled "+addr, reach(t, l.client, "tcp", at(addr, 443)), "origin")
				expect(t, "dead, QUIC not ruled "+addr, reach(t, l.client, "udp", at(addr, 443)), "origin")
			}
		})
	}
}

func TestLocalUsers(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	for _, mode := range []Mode{Redirect, TProxy} {
		t.Run(string(mode), func(t *testing.T) {
			l := newLab(t)
			openOrigin(t, l.net)
			d := openDoor(t, l.router, mode == TProxy)
			cfg := Config{Mode: mode, Port: d.port, LocalUsers: []string{"65534"}, OwnUID: 990}
			inRouter(t, l, "apply", func(ctx context.Context) error { return Apply(ctx, cfg) })
			var origins Origins
			defer origins.Close()
			inRouter(t, l, "add", func(ctx context.Context) error {
				return origins.Add(ctx, []netip.Addr{netip.MustParseAddr(origin4), netip.MustParseAddr(origin6)}, time.Hour)
			})
			as := func(uid uint32, url string) string {
				var out []byte
				inside(t, l.router, func() {
					cmd := exec.Command(curl, "-sS", "--http0.9", "--noproxy", "*", "--max-time", "3", "telnet://"+url)
					cmd.Dir = "/"
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
					out, _ = cmd.CombinedOutput()
				})
				return string(out)
			}
			for _, addr := range []string{origin4, origin6} {
				expect(t, "the user", as(65534, at(addr, 443)), "door "+at(addr, 443))
				expect(t, "scrim itself", as(990, at(addr, 443)), "origin")
				expect(t, "another user", as(991, at(addr, 443)), "origin")
			}
			expect(t, "not ruled", as(65534, at(other4, 443)), "origin")
		})
	}
}

func TestOtherTablesAndRulesStay(t *testing.T) {
	l := newLab(t)
	theirs := "table inet fw4 {\n\tset origins4 { type ipv4_addr; elements = { 192.0.2.1 } }\n\tchain input { type filter hook input priority 0; policy accept; tcp dport 22 accept; }\n}\ntable ip nat {\n}\n"
	inside(t, l.router, func() {
		if _, err := run(context.Background(), theirs, "nft", "-f", "-"); err != nil {
			t.Fatal(err)
		}
		run(context.Background(), "", "ip", "rule", "add", "fwmark", "0x1", "lookup", "100", "priority", "100")
	})
	before := listing(t, l)
	for name, cfg := range configs() {
		inRouter(t, l, "check "+name, func(ctx context.Context) error { return Check(ctx, cfg) })
		if after := listing(t, l); after != before {
			t.Fatalf("%s: a check changed something:\n%s", name, after)
		}
	}
	var golden string
	for _, name := range []string{"tproxy-all", "redirect-all", "tproxy-rules", "redirect-local", "redirect-rules", "tproxy-rules"} {
		cfg := configs()[name]
		for range 2 {
			inRouter(t, l, "apply "+name, func(ctx context.Context) error { return Apply(ctx, cfg) })
			got := listing(t, l)
			for _, part := range []string{"tcp dport 22 accept", "elements = { 192.0.2.1 }", "table ip nat", "lookup 100"} {
				if !strings.Contains(got, part) {
					t.Fatalf("%s took %q away:\n%s", name, part, got)
				}
			}
			golden = got
		}
	}
	// After all these changes the table is what the last one alone makes it.
	inRouter(t, l, "remove", Remove)
	if after := listing(t, l); after != before {
		t.Errorf("something stays:\n%s\nbefore:\n%s", after, before)
	}
	inRouter(t, l, "apply", func(ctx context.Context) error { return Apply(ctx, configs()["tproxy-rules"]) })
	if got := listing(t, l); sorted(got) != sorted(golden) { // the chains stand in another order
		t.Errorf("got\n%s\nafter other configurations it was\n%s", got, golden)
	}
	inRouter(t, l, "applied", func(ctx context.Context) error {
		if ok, err := Applied(ctx); !ok || err != nil {
			return fmt.Errorf("Applied: %v, %v", ok, err)
		}
		return nil
	})
}

func TestOriginsTimeOutAndAreRenewed(t *testing.T) {
	l := newLab(t)
	addr := []netip.Addr{netip.MustParseAddr(origin4)}
	var origins Origins
	defer origins.Close()
	inside(t, l.router, func() {
		ctx := context.Background()
		if err := origins.Add(ctx, addr, time.Hour); !errors.Is(err, ErrNotApplied) {
			t.Errorf("without a table: got %v", err)
		}
		if err := Apply(ctx, Config{Port: 3129}); err != nil {
			t.Fatal(err)
		}
		has := func() bool {
			text, _ := run(ctx, "", "nft", "list", "set", "inet", Table, SetV4)
			return strings.Contains(text, origin4)
		}
		for range 4 { // renewed each half second, it stays beyond its second
			if err := origins.Add(ctx, addr, time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			if !has() {
				t.Fatal("not renewed")
			}
		}
		for range 40 {
			if !has() {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if has() {
			t.Error("it does not go")
		}
		if err := origins.Add(ctx, nil, time.Hour); err != nil {
			t.Errorf("nothing to add: %v", err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	l := newLab(b)
	var origins Origins
	defer origins.Close()
	inside(b, l.router, func() {
		if err := Apply(context.Background(), Config{Port: 3129}); err != nil {
			b.Fatal(err)
		}
		addrs := []netip.Addr{netip.MustParseAddr(origin4), netip.MustParseAddr(other4)}
		for b.Loop() {
			if err := origins.Add(context.Background(), addrs, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestWithoutPermission(t *testing.T) {
	l := newLab(t)
	var fault atomic.Value
	inside(t, l.router, func() {
		// This thread alone gives its rights up; nft runs as another user.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			t.Skip("cannot change the user")
		}
		for _, f := range []func(context.Context) error{
			func(ctx context.Context) error { return Apply(ctx, Config{Port: 3129}) },
			func(ctx context.Context) error {
				return new(Origins).Add(ctx, []netip.Addr{netip.MustParseAddr(origin4)}, time.Hour)
			},
		} {
			err := f(context.Background())
			var missing *MissingError
			if !errors.As(err, &missing) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") || !strings.Contains(err.Error(), "listen.proxy") {
				fault.Store(fmt.Sprint(err))
			}
		}
	})
	if text := fault.Load(); text != nil {
		t.Errorf("got %v", text)
	}
}

func TestProbeNamesWhatIsMissing(t *testing.T) {
	l := newLab(t)
	inside(t, l.router, func() {
		for _, mode := range []Mode{Redirect, TProxy} {
			if err := probe(context.Background(), Config{Mode: mode}, errors.New("x")); err != nil {
				t.Skipf("this kernel lacks something: %v", err)
			}
		}
	})
	for _, n := range needs() {
		err := &MissingError{What: n.what, Fix: n.fix}
		if !strings.Contains(err.Error(), "mode:") && !strings.Contains(err.Error(), "listen.proxy") {
			t.Errorf("%v names no other way", err)
		}
	}
}
