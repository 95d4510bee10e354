package dns

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ownEvery is how often the machine's addresses are read again.
const ownEvery = 10 * time.Second

// ownAddrs knows this machine's addresses by interface.
type ownAddrs struct {
	read func() []iface // nil: readInterfaces

	mu    sync.Mutex // held while the table is renewed
	table atomic.Pointer[ownTable]
}

// iface is one interface's addresses.
type iface struct {
	index  int
	v4, v6 netip.Addr // what a device on that network can reach us by; invalid if none
	all    []netip.Addr
}

type ownTable struct {
	until   time.Time
	byAddr  map[netip.Addr]*iface
	byIndex map[int]*iface
}

// at gives our addresses on the network where a query arrived: at local, by the
// interface index if the system told it. The address that was asked is preferred.
func (o *ownAddrs) at(local netip.Addr, index int) (v4, v6 netip.Addr) {
	t := o.current()
	on := t.byAddr[local]
	if local.IsLinkLocalUnicast() || on == nil {
		on = t.byIndex[index]
	}
	if on != nil {
		v4, v6 = on.v4, on.v6
	}
	switch {
	case !local.IsValid() || local.IsUnspecified() || local.IsMulticast():
	case local.Is4():
		v4 = local
	case !local.IsLinkLocalUnicast():
		v6 = local
	}
	return v4, v6
}

// has reports whether an address is this machine's.
func (o *ownAddrs) has(addr netip.Addr) bool {
	return addr.IsLoopback() || o.current().byAddr[addr] != nil
}

func (o *ownAddrs) current() *ownTable {
	t := o.table.Load()
	now := time.Now()
	if t != nil && now.Before(t.until) {
		return t
	}
	if t != nil && !o.mu.TryLock() {
		return t // someone else is renewing it
	}
	if t == nil {
		o.mu.Lock()
	}
	defer o.mu.Unlock()
	read := o.read
	if read == nil {
		read = readInterfaces
	}
	t = &ownTable{until: now.Add(ownEvery), byAddr: map[netip.Addr]*iface{}, byIndex: map[int]*iface{}}
	for _, on := range read() {
		t.byIndex[on.index] = &on
		for _, addr := range on.all {
			t.byAddr[addr] = &on
		}
	}
	o.table.Store(t)
	return t
}

func readInterfaces() []iface {
	var out []iface
	interfaces, _ := net.Interfaces()
	for _, in := range interfaces {
		if in.Flags&net.FlagUp == 0 {
			continue
		}
		on := iface{index: in.Index}
		addrs, _ := in.Addrs()
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				on.add(prefix.Addr())
			}
		}
		out = append(out, on)
	}
	return out
}

// add enters an address. Unique local IPv6 addresses are preferred to global ones:
// they do not change with the provider's prefix.
func (on *iface) add(addr netip.Addr) {
	on.all = append(on.all, addr)
	switch {
	case addr.IsLinkLocalUnicast():
	case addr.Is4() && !on.v4.IsValid():
		on.v4 = addr
	case addr.Is6() && (!on.v6.IsValid() || addr.IsPrivate() && !on.v6.IsPrivate()):
		on.v6 = addr
	}
}
