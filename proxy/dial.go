package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// attemptDelay is the wait before the next address is tried beside the one under way (RFC 8305, section 5).
const attemptDelay = 250 * time.Millisecond

// keepAlive finds peers that are gone: tunnels have no deadline of their own.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

// dialAddr connects to "host:port" for clients in network near; the address check is made on what is really dialled.
// The address of the parent proxy is allowed as written.
func (u *upstream) dialAddr(ctx context.Context, near netip.Prefix, addr string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := parsePort(portText)
	if err != nil {
		return nil, err
	}
	check := func(to netip.AddrPort) error { return u.policy.check(near, to) }
	if u.parent != nil {
		check = u.policy.itself
	}
	return u.dial(ctx, host, port, check)
}

// dial connects to host, which is a name or an address. It honours upstream.hosts.
func (u *upstream) dial(ctx context.Context, host string, port uint16, check func(netip.AddrPort) error) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	if fixed, ok := u.fixed[host]; ok {
		if fixed.port != 0 {
			port = fixed.port
		}
		return u.race(ctx, []netip.Addr{fixed.addr}, port, u.policy.itself)
	}
	addrs, err := u.resolver.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	return u.race(ctx, interleave(addrs), port, check)
}

// interleave puts IPv6 first and alternates the families (RFC 8305, section 4).
func interleave(addrs []netip.Addr) []netip.Addr {
	var six, four []netip.Addr
	for _, a := range addrs {
		if a.Unmap().Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	out := make([]netip.Addr, 0, len(addrs))
	for len(six) > 0 || len(four) > 0 {
		if len(six) > 0 {
			out, six = append(out, six[0]), six[1:]
		}
		if len(four) > 0 {
			out, four = append(out, four[0]), four[1:]
		}
	}
	return out
}

// race dials the addresses, each a little after the one before, and returns the first connection. It returns after
// all that it started has ended or been told to.
func (u *upstream) race(ctx context.Context, addrs []netip.Addr, port uint16, check func(netip.AddrPort) error) (net.Conn, error) {
	if len(addrs) == 1 {
		return dialChecked(ctx, netip.AddrPortFrom(addrs[0], port), check)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, len(addrs))
	started, finished := 0, 0
	start := func() {
		to := netip.AddrPortFrom(addrs[started], port)
		started++
		go func() {
			conn, err := dialChecked(ctx, to, check)
			results <- result{conn, err}
		}()
	}
	var errs []error
	start()
	next := time.NewTimer(attemptDelay)
	defer next.Stop()
	for finished < len(addrs) {
		select {
		case r := <-results:
			finished++
			if r.err == nil {
				cancel()
				go func(left int) { // close the late ones; they end at once, cancelled
					for ; left > 0; left-- {
						if late := <-results; late.conn != nil {
							late.conn.Close()
						}
					}
				}(started - finished)
				return r.conn, nil
			}
			errs = append(errs, r.err)
			if started < len(addrs) {
				start()
			}
		case <-next.C:
			if started < len(addrs) {
				start()
				next.Reset(attemptDelay)
			}
		}
	}
	return nil, errors.Join(errs...)
}

// dialChecked asks check with the address that the kernel is about to connect to.
func dialChecked(ctx context.Context, to netip.AddrPort, check func(netip.AddrPort) error) (net.Conn, error) {
	if err := check(to); err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAliveConfig: keepAlive, Control: func(_, address string, _ syscall.RawConn) error {
		real, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("reading the address to dial: %w", err)
		}
		return check(real)
	}}
	return d.DialContext(ctx, "tcp", to.String())
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || s[0] == '+' {
		return 0, fmt.Errorf("%q is not a port", s)
	}
	return uint16(n), nil
}

// dialTunnel connects for a blind tunnel: to addr where the door knows it, else to host, through the parent proxy if there is one.
func (u *upstream) dialTunnel(ctx context.Context, f *Flow) (net.Conn, error) {
	to := f.To
	host := to.Host
	if to.Addr.IsValid() && f.Door != DoorProxy && f.Door != DoorSOCKS {
		host = to.Addr.String()
	}
	if u.parent != nil {
		return u.dialThroughParent(ctx, f.Client, host, to.Port)
	}
	check := func(ap netip.AddrPort) error {
		return u.policy.check(u.policy.network(f.Client, ap.Addr().Unmap()), ap)
	}
	return u.dial(ctx, host, to.Port, check)
}
