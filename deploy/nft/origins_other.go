//go:build !linux

package nft

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Origins does nothing but say so: nftables is Linux.
type Origins struct{}

// ErrNotApplied is what Add returns on Linux while our table is not there.
var ErrNotApplied = errors.New("the firewall rules are not in place")

// Add fails.
func (o *Origins) Add(context.Context, []netip.Addr, time.Duration) error {
	return &MissingError{What: "nftables", Fix: otherDoors}
}

// Ready fails.
func (o *Origins) Ready() error { return ErrNotApplied }

// Rejected fails.
func (o *Origins) Rejected() (map[netip.Addr]uint64, error) { return nil, ErrNotApplied }

// Run does nothing until ctx ends.
func (o *Origins) Run(ctx context.Context, _ Config, _ func(error)) error {
	<-ctx.Done()
	return nil
}

// Close does nothing.
func (o *Origins) Close() error { return nil }
