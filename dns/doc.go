// Package dns is the DNS door: a forwarder for the house that answers the names rules
// hold with scrim's own address, or tells the firewall their addresses first.
//
// A query takes this way. It is read from its wire form (query.go), and answered at
// once if it is malformed, not ours to answer, or about a name with a verdict
// (answer.go, which is pure). Anything else comes from the cache (cache.go) or from an
// upstream (upstreams.go), as the bytes that the upstream sent. What an answer mentions
// is held against the verdicts again every time it is handed out (filter.go), because
// the end of a CNAME chain can be a ruled name though the question is not.
//
// Policy is an argument: [Config.Decide] gives the verdict on a name.
//
// With [Self], A and AAAA of a ruled name are scrim's own addresses on the asking
// network, and HTTPS, SVCB and ANY have no data: no IPv6 leak, no Encrypted ClientHello
// and no HTTP/3 hint. With [Origin], the answer holds the real addresses, and leaves
// only after [Config.BeforeAnswer] has taken note of them. Names in such answers cannot
// be validated by a client that checks DNSSEC itself: it sees no address at all.
//
// Terms are those of RFC 9499.
package dns
