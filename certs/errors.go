package certs

import (
	"errors"
	"fmt"
	"strings"
)

// What the faults of this package match. Each fault names the file and the way out.
var (
	ErrForeign = errors.New("not made by scrim")             // a CA in the directory is someone else's, or damaged
	ErrExpired = errors.New("certificate authority expired") // the root, or an intermediate that cannot be renewed
	ErrUnsafe  = errors.New("state directory is not safe")   // symbolic link, wrong kind of file, open to others
	ErrNotHeld = errors.New("no rule holds this name")       // Leaf was asked for a name of no group
)

// Fault is something wrong with the authority's files. It matches one of the
// package's sentinel errors.
type Fault struct {
	Path string // the file or folder
	What string // what is wrong with it
	Fix  string // what the owner can do
	Kind error  // the sentinel it matches
}

// Error is one line: path, what is wrong, what to do.
func (f *Fault) Error() string {
	return fmt.Sprintf("%s: %s; %s", f.Path, f.What, f.Fix)
}

// Unwrap gives the sentinel.
func (f *Fault) Unwrap() error { return f.Kind }

// UncoveredError is returned by a sealed authority for hosts that no intermediate
// was made for before the root's key was destroyed. It is a refusal, not a failure:
// what was covered keeps working.
type UncoveredError struct {
	Hosts []string // sorted, as the groups name them
}

// shownHosts is how many names an UncoveredError spells out.
const shownHosts = 5

// Error names the first hosts and the way out.
func (e *UncoveredError) Error() string {
	shown, more := e.Hosts, ""
	if len(shown) > shownHosts {
		more = fmt.Sprintf(" and %d more", len(shown)-shownHosts)
		shown = shown[:shownHosts]
	}
	return fmt.Sprintf("the certificate authority is sealed and does not cover %s%s; "+
		"take the host out of the rules, or make a new root with \"scrim ca rotate\" and install it on the devices",
		strings.Join(shown, ", "), more)
}

// HostError is Leaf's answer for a name it will not sign.
type HostError struct {
	Host string
	What string
}

func (e *HostError) Error() string { return fmt.Sprintf("signing %q: %s", e.Host, e.What) }

// Unwrap makes every HostError match ErrNotHeld.
func (e *HostError) Unwrap() error { return ErrNotHeld }
