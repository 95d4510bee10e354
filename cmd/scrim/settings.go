package main

import (
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// address is where a door listens: "host:port" or ":port". "" is a door that is off.
type address string

// size is a number of bytes; it is written with its unit.
type size int64

// Settings is the whole configuration. Every field has a line in the table of keys.
type Settings struct {
	Version  int
	StateDir string // CA, ledger, choices, keys; 0700

	Listen struct {
		Proxy, Socks, Collector, Transparent, TLS, HTTP, DNS, Web address
	}
	DNS struct {
		Answer    string // self or origin
		Upstreams []string
	}
	Firewall struct {
		Mode       string // redirect or tproxy
		Scope      string // rules or all
		Clients    []string
		LocalUsers []string
	}
	Clients struct {
		Allow []string
		Names map[string]string // address to name
	}
	Upstream struct {
		Resolvers    []string
		Proxy        string
		Roots        string // "system" or a PEM file
		Hosts        map[string]string
		AllowPrivate []string
	}
	Profile   string
	Products  map[string]Product
	RuleFiles []string // as written; files() resolves them
	Ledger    struct {
		Store string
		Keep  struct {
			Age  time.Duration
			Size size
		}
		Originals string
		Node      string
	}
	CA struct {
		Root string // kept or sealed
	}
	OnPinned struct {
		Telemetry, Mixed string // refuse or tunnel
	}
	Limits struct {
		Header, MaxBody            size
		Ratio, Depth               int
		Connections, PerClient     int
		HeaderTimeout, IdleTimeout time.Duration
	}
	Log struct {
		Level string
	}
}

// Product is what the owner says of one product: a switch for each kind of data, and its profile.
type Product struct {
	Profile string // "": the profile of all
	Switch  map[string]rules.Verdict
}

// defaults are the settings of an empty file.
func defaults() *Settings {
	s := &Settings{Version: 1, StateDir: "./scrim-state", Profile: "generalized"}
	s.Listen.Proxy = ":3128"
	s.Listen.Web = "127.0.0.1:3131"
	s.DNS.Answer = "self"
	s.DNS.Upstreams = []string{"system"}
	s.Firewall.Mode = "redirect"
	s.Firewall.Scope = "rules"
	s.Firewall.Clients = []string{}
	s.Firewall.LocalUsers = []string{}
	s.Clients.Allow = []string{"loopback", "private", "lan"}
	s.Clients.Names = map[string]string{}
	s.Upstream.Resolvers = []string{"system"}
	s.Upstream.Roots = "system"
	s.Upstream.Hosts = map[string]string{}
	s.Upstream.AllowPrivate = []string{}
	s.Products = map[string]Product{}
	s.RuleFiles = []string{}
	s.Ledger.Store = "sqlite"
	s.Ledger.Keep.Age = 90 * 24 * time.Hour
	s.Ledger.Keep.Size = 256 << 20
	s.Ledger.Originals = "none"
	s.Ledger.Node = ""
	s.CA.Root = "kept"
	s.OnPinned.Telemetry = "refuse"
	s.OnPinned.Mixed = "tunnel"
	s.Limits.Header = 64 << 10
	s.Limits.MaxBody = 16 << 20
	s.Limits.Ratio = 100
	s.Limits.Depth = 128
	s.Limits.Connections = 10_000
	s.Limits.PerClient = 1000
	s.Limits.HeaderTimeout = 10 * time.Second
	s.Limits.IdleTimeout = 5 * time.Minute
	s.Log.Level = "info"
	return s
}
