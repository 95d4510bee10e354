// Package nft writes and applies the nftables rules of the transparent door.
//
// Everything lives in a table of its own, "inet scrim"; no other table is read or
// changed. With [ScopeRules] only connections to the addresses in two sets are taken:
// the DNS door enters the addresses of ruled names there, with a timeout, before it
// answers ([Origins]). All other traffic passes one set lookup and stays in the
// kernel's fast path. With [ScopeAll] every connection of the named clients is taken.
// UDP 443 of the same scope is rejected, so that QUIC falls back to TCP.
//
// The rules stay when scrim stops. Connections to addresses in the sets are then
// refused: telemetry stays in the house. Everything else goes on: with ScopeAll the
// rest is taken only while [Origins.Run] says each second that scrim is there.
package nft

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// Mode is how connections are taken.
type Mode string

// The modes.
const (
	Redirect Mode = "redirect" // NAT to our port; the address comes from SO_ORIGINAL_DST
	TProxy   Mode = "tproxy"   // no NAT; the socket's local address is the origin's
)

// Scope is which connections are taken.
type Scope string

// The scopes.
const (
	ScopeRules Scope = "rules" // to origin addresses that the DNS door entered
	ScopeAll   Scope = "all"   // every one of the named clients
)

// Names and numbers that belong to us.
const (
	Table      = "scrim" // of family inet
	SetV4      = "origins4"
	SetV6      = "origins6"
	SetAlive   = "alive" // ports, while scrim runs; only with ScopeAll
	SetQUIC4   = "quic4" // clients whose QUIC was rejected within a day, with the packets
	SetQUIC6   = "quic6"
	Mark       = 0x5c21 // of packets that TPROXY takes
	RouteID    = 0x5c21 // the routing table that delivers them to us
	rulePrio   = 5321   // of the routing rule, before the main table's 32766
	setLimit   = 65535  // addresses in each set
	tallyLimit = 1024   // clients whose QUIC is counted
	quicPort   = 443
	nftFamily  = "inet"
)

// Config says what is taken, and where it is brought.
type Config struct {
	Mode       Mode           // "" means Redirect
	Scope      Scope          // "" means ScopeRules
	Port       uint16         // of listen.transparent
	Ports      []uint16       // TCP ports that are taken; nil means 80 and 443
	Clients    []netip.Prefix // whose connections; empty means everybody's, which ScopeAll does not allow
	Exclude    []netip.Prefix // destinations that ScopeAll does not take, unless they are in the sets
	LocalUsers []string       // users of this machine, by name or number, whose connections are taken too
	OwnUID     int            // the user that scrim runs as: its connections are never taken
}

// userName is what useradd allows; nothing else reaches the rules' text.
func validUser(name string) bool {
	return regexp.MustCompile(`^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,10})$`).MatchString(name)
}

// normal fills in defaults and checks; all faults are returned at once.
func (c Config) normal() (Config, error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("firewall."+format, args...)) }
	if c.Mode == "" {
		c.Mode = Redirect
	}
	if c.Scope == "" {
		c.Scope = ScopeRules
	}
	if c.Ports == nil {
		c.Ports = []uint16{80, 443}
	}
	if c.Mode != Redirect && c.Mode != TProxy {
		fault("mode: %q is neither %q nor %q", string(c.Mode), Redirect, TProxy)
	}
	if c.Scope != ScopeRules && c.Scope != ScopeAll {
		fault("scope: %q is neither %q nor %q", string(c.Scope), ScopeRules, ScopeAll)
	}
	if c.Port == 0 {
		fault("mode: the transparent door is not open; set listen.transparent")
	}
	if len(c.Ports) == 0 || slices.Contains(c.Ports, 0) {
		fault("ports: neither empty nor 0 can be taken")
	}
	if c.Scope == ScopeAll && len(c.Clients) == 0 && len(c.LocalUsers) == 0 {
		fault("scope: all needs clients (or local_users), so that nobody is taken by surprise")
	}
	for _, p := range slices.Concat(c.Clients, c.Exclude) {
		if !p.IsValid() {
			fault("clients: an address is not valid")
		}
	}
	for _, name := range c.LocalUsers {
		switch {
		case !validUser(name):
			fault("local_users: %q is not a user", name)
		case name == strconv.Itoa(c.OwnUID):
			fault("local_users: scrim itself runs as user %s; run it as a user of its own, or its connections would come back to it", name)
		}
	}
	return c, errors.Join(faults...)
}
