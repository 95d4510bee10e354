package nft

import (
	"context"
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
// It returns when the kernel has them: an
// answer may leave after that.
func (o *Origins) Add(ctx context.Context, addrs []netip.Addr, timeout time.Duration) error {
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
	queued, err := o.queue(addrs, min(max(timeout, time.Second), maxTimeout))
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

// queue writes one transaction. Adding an element that is there does not renew its
// timeout: so each is added (then it is there), deleted, and added again.
func (o *Origins) queue(addrs []netip.Addr, timeout time.Duration) (queued bool, err error) {
	var v4, v6 []nftables.SetElement
	for _, addr := range addrs {
		addr = addr.Unmap()
		element := nftables.SetElement{Key: addr.AsSlice(), Timeout: timeout}
		switch {
		case addr.Is4():
			v4 = append(v4, element)
		case addr.Is6():
			v6 = append(v6, element)
		}
	}
	table := &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
	for _, part := range []struct {
		set      *nftables.Set
		elements []nftables.SetElement
	}{
		{&nftables.Set{Table: table, Name: SetV4, KeyType: nftables.TypeIPAddr, HasTimeout: true}, v4},
		{&nftables.Set{Table: table, Name: SetV6, KeyType: nftables.TypeIP6Addr, HasTimeout: true}, v6},
	} {
		if len(part.elements) == 0 {
			continue
		}
		queued = true
		if err := errors.Join(o.conn.SetAddElements(part.set, part.elements),
			o.conn.SetDeleteElements(part.set, part.elements),
			o.conn.SetAddElements(part.set, part.elements)); err != nil {
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
