package nft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/google/nftables"
)

// maxTimeout bounds what is asked of the kernel.
const maxTimeout = 30 * 24 * time.Hour

// Origins enters addresses of ruled names into the sets. The zero value is ready; its
// methods may be called concurrently.
type Origins struct {
	mu   sync.Mutex // one transaction at a time
	conn *nftables.Conn
}

// ErrNotApplied is returned while our table is not there.
var ErrNotApplied = errors.New(`the firewall rules are not in place; run "scrim firewall apply"`)

// Add enters addresses that stay for timeout from now, whether they were there or not.
// It returns when the kernel has them: an answer may leave after that.
func (o *Origins) Add(ctx context.Context, addrs []netip.Addr, timeout time.Duration) error {
	var v4, v6 [][]byte
	for _, addr := range addrs {
		if addr = addr.Unmap(); addr.Is4() {
			v4 = append(v4, addr.AsSlice())
		} else if addr.Is6() {
			v6 = append(v6, addr.AsSlice())
		}
	}
	return o.enter(ctx, timeout, part{SetV4, nftables.TypeIPAddr, v4}, part{SetV6, nftables.TypeIP6Addr, v6})
}

// Ready asks whether our table is there; if not, the error is ErrNotApplied.
func (o *Origins) Ready() error {
	conn, err := nftables.New()
	if err != nil {
		return explain(err)
	}
	if _, err = conn.ListTableOfFamily(Table, nftables.TableFamilyINet); err != nil {
		return explain(err)
	}
	return nil
}

// Rejected gives the packets of QUIC that were rejected, by client, of the clients of
// the last day.
func (o *Origins) Rejected() (map[netip.Addr]uint64, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, explain(err)
	}
	out := map[netip.Addr]uint64{}
	table := &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
	for _, name := range []string{SetQUIC4, SetQUIC6} {
		set, err := conn.GetSetByName(table, name)
		if err != nil {
			return nil, explain(err)
		}
		elements, err := conn.GetSetElements(set)
		if err != nil {
			return nil, explain(err)
		}
		for _, e := range elements {
			if addr, ok := netip.AddrFromSlice(e.Key); ok && e.Counter != nil {
				out[addr] = e.Counter.Packets
			}
		}
	}
	return out, nil
}

// Run tells the kernel each second that scrim is there, until ctx ends: only so long
// does ScopeAll take what no rule names. With ScopeRules there is nothing to do. An
// error goes to report once, until there is another one.
func (o *Origins) Run(ctx context.Context, cfg Config, report func(error)) error {
	cfg, err := cfg.normal()
	if err != nil {
		return err
	}
	if cfg.Scope != ScopeAll {
		<-ctx.Done()
		return nil
	}
	var ports [][]byte
	for _, port := range cfg.Ports {
		ports = append(ports, binary.BigEndian.AppendUint16(nil, port))
	}
	ticker := time.NewTicker(aliveEvery)
	defer ticker.Stop()
	last := ""
	for {
		err := o.enter(ctx, aliveFor, part{SetAlive, nftables.TypeInetService, ports})
		if err != nil && err.Error() != last && ctx.Err() == nil {
			report(err)
		}
		if last = ""; err != nil {
			last = err.Error()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

const (
	aliveEvery = time.Second
	aliveFor   = 3 * time.Second
)

// part is what goes into one set.
type part struct {
	set  string
	kind nftables.SetDatatype
	keys [][]byte
}

// enter puts keys into sets, in one transaction.
func (o *Origins) enter(ctx context.Context, timeout time.Duration, parts ...part) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil {
		conn, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return explain(err)
		}
		o.conn = conn
	}
	queued, err := o.queue(min(max(timeout, time.Second), maxTimeout), parts)
	if err == nil && queued {
		err = o.conn.Flush()
	}
	if err != nil {
		o.conn.CloseLasting()
		o.conn = nil
		return explain(err)
	}
	return nil
}

// queue writes the transaction. Adding an element that is there does not renew its
// timeout: so each is added (then it is there), deleted, and added again.
func (o *Origins) queue(timeout time.Duration, parts []part) (queued bool, err error) {
	table := &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
	for _, p := range parts {
		if len(p.keys) == 0 {
			continue
		}
		set := &nftables.Set{Table: table, Name: p.set, KeyType: p.kind, HasTimeout: true}
		elements := make([]nftables.SetElement, len(p.keys))
		for i, key := range p.keys {
			elements[i] = nftables.SetElement{Key: key, Timeout: timeout}
		}
		queued = true
		if err := errors.Join(o.conn.SetAddElements(set, elements),
			o.conn.SetDeleteElements(set, elements), o.conn.SetAddElements(set, elements)); err != nil {
			return false, err
		}
	}
	return queued, nil
}

// Close lets go of the connection to the kernel.
func (o *Origins) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil {
		return nil
	}
	err := o.conn.CloseLasting()
	o.conn = nil
	return err
}

// explain says what a netlink error means here.
func explain(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return ErrNotApplied
	case errors.Is(err, syscall.EPERM), errors.Is(err, os.ErrPermission):
		return &MissingError{What: "permission (CAP_NET_ADMIN)", Fix: "run scrim with that capability; " + otherDoors, Err: err}
	}
	return fmt.Errorf("entering addresses into the firewall's set: %w", err)
}
