package main

// key is one key of the configuration: where its value lives and what may stand there.
type key struct {
	path  string
	doc   string                               // one line of meaning
	field func(*Settings) any                  // pointer to the value
	words []string                             // the words that may stand there; nil: any
	check func(text string) (what, fix string) // of each single value in it; nil: any
	named func(text string) (what, fix string) // of each key in a map of the owner's; nil: any
}

// keys is every key of the configuration, in the order of config.example.yaml. The key products has a
// shape of its own (products.go).
func keys() []key {
	return []key{
		{path: "version", doc: "version of this format", field: func(s *Settings) any { return &s.Version }},
		{path: "state_dir", doc: "folder for the CA, the ledger, choices and keys (0700)", field: func(s *Settings) any { return &s.StateDir }, check: notEmpty},

		{path: "listen.proxy", doc: "explicit proxy door", field: func(s *Settings) any { return &s.Listen.Proxy }},
		{path: "listen.socks", doc: "SOCKS5 door, as in \":1080\"", field: func(s *Settings) any { return &s.Listen.Socks }},
		{path: "listen.collector", doc: "collector door (base URL), as in \":3130\"", field: func(s *Settings) any { return &s.Listen.Collector }},
		{path: "listen.transparent", doc: "transparent door, as in \":3129\"", field: func(s *Settings) any { return &s.Listen.Transparent }},
		{path: "listen.tls", doc: "TLS that comes because DNS named us, as in \":443\"", field: func(s *Settings) any { return &s.Listen.TLS }},
		{path: "listen.http", doc: "HTTP that comes because DNS named us, as in \":80\"", field: func(s *Settings) any { return &s.Listen.HTTP }},
		{path: "listen.dns", doc: "DNS door, as in \":53\"", field: func(s *Settings) any { return &s.Listen.DNS }},
		{path: "listen.web", doc: "review UI, API and metrics", field: func(s *Settings) any { return &s.Listen.Web }},

		{path: "dns.answer", doc: "what the DNS door answers for ruled names: scrim's own address, or the origin's", words: []string{"self", "origin"}, field: func(s *Settings) any { return &s.DNS.Answer }},
		{path: "dns.upstreams", doc: "where the DNS door forwards to: system, udp://, tcp://, tls://, https://", field: func(s *Settings) any { return &s.DNS.Upstreams }, check: resolver},

		{path: "firewall.mode", doc: "how the firewall hands connections over", words: []string{"redirect", "tproxy"}, field: func(s *Settings) any { return &s.Firewall.Mode }},
		{path: "firewall.scope", doc: "which connections: those to ruled names, or all TCP 80 and 443", words: []string{"rules", "all"}, field: func(s *Settings) any { return &s.Firewall.Scope }},
		{path: "firewall.clients", doc: "addresses or networks of the clients; none: everybody behind this router (scope: all needs some)", field: func(s *Settings) any { return &s.Firewall.Clients }, check: network},
		{path: "firewall.local_users", doc: "users of this machine whose connections are covered too", field: func(s *Settings) any { return &s.Firewall.LocalUsers }, check: notEmpty},

		{path: "clients.allow", doc: "who may use the doors: loopback, private, lan, addresses, networks", field: func(s *Settings) any { return &s.Clients.Allow }, check: clientWord},
		{path: "clients.names", doc: "names for clients, by address", field: func(s *Settings) any { return &s.Clients.Names }, named: ipAddress, check: notEmpty},

		{path: "upstream.resolvers", doc: "who resolves origins: system, udp://, tcp://, tls://, https://", field: func(s *Settings) any { return &s.Upstream.Resolvers }, check: resolver},
		{path: "upstream.proxy", doc: "next proxy: http://, https:// or socks5://; the environment's is ignored", field: func(s *Settings) any { return &s.Upstream.Proxy }, check: proxyURL},
		{path: "upstream.roots", doc: "system, or a PEM file whose certificates are trusted beside the system's", field: func(s *Settings) any { return &s.Upstream.Roots }, check: notEmpty},
		{path: "upstream.hosts", doc: "fixed addresses by host, allowed as written", field: func(s *Settings) any { return &s.Upstream.Hosts }, named: hostName, check: fixedAddress},
		{path: "upstream.allow_private", doc: "private networks that may be connected to from anywhere", field: func(s *Settings) any { return &s.Upstream.AllowPrivate }, check: network},

		{path: "profile", doc: "which tables and parts hold", words: []string{"generalized", "strict"}, field: func(s *Settings) any { return &s.Profile }},
		{path: "products", doc: "switches by product: {plex: {playback: drop, profile: strict}}", field: func(s *Settings) any { return &s.Products }},
		{path: "rule_files", doc: "the owner's own rules, before the packs", field: func(s *Settings) any { return &s.RuleFiles }, check: notEmpty},

		{path: "ledger.store", doc: "sqlite, memory, or postgres://…", field: func(s *Settings) any { return &s.Ledger.Store }, check: store},
		{path: "ledger.keep.age", doc: "how long entries are kept", field: func(s *Settings) any { return &s.Ledger.Keep.Age }},
		{path: "ledger.keep.size", doc: "how large the store may grow", field: func(s *Settings) any { return &s.Ledger.Keep.Size }},
		{path: "ledger.originals", doc: "memory: the last 50 events as they came, in RAM only", words: []string{"none", "memory"}, field: func(s *Settings) any { return &s.Ledger.Originals }},
		{path: "ledger.node", doc: "name of this node where several share a ledger; empty: the host's name", field: func(s *Settings) any { return &s.Ledger.Node }},

		{path: "ca.root", doc: "the root's key is kept, or sealed: destroyed", words: []string{"kept", "sealed"}, field: func(s *Settings) any { return &s.CA.Root }},

		{path: "on_pinned.telemetry", doc: "a client that refused our certificate, on a telemetry host", words: []string{"refuse", "tunnel"}, field: func(s *Settings) any { return &s.OnPinned.Telemetry }},
		{path: "on_pinned.mixed", doc: "the same on a mixed host", words: []string{"tunnel", "refuse"}, field: func(s *Settings) any { return &s.OnPinned.Mixed }},

		{path: "limits.header", doc: "header of a request", field: func(s *Settings) any { return &s.Limits.Header }},
		{path: "limits.max_body", doc: "body of a telemetry request, decoded", field: func(s *Settings) any { return &s.Limits.MaxBody }},
		{path: "limits.ratio", doc: "decoded bytes for each coded one", field: func(s *Settings) any { return &s.Limits.Ratio }},
		{path: "limits.depth", doc: "nesting of a body", field: func(s *Settings) any { return &s.Limits.Depth }},
		{path: "limits.connections", doc: "client connections at once", field: func(s *Settings) any { return &s.Limits.Connections }},
		{path: "limits.per_client", doc: "connections of one client at once", field: func(s *Settings) any { return &s.Limits.PerClient }},
		{path: "limits.header_timeout", doc: "from the first byte to the end of a header", field: func(s *Settings) any { return &s.Limits.HeaderTimeout }},
		{path: "limits.idle_timeout", doc: "silence after which a connection is closed", field: func(s *Settings) any { return &s.Limits.IdleTimeout }},

		{path: "log.level", doc: "what scrim says of itself", words: []string{"debug", "info", "warn", "error"}, field: func(s *Settings) any { return &s.Log.Level }},
	}
}
