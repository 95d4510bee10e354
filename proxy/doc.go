// Package proxy moves traffic: it takes connections in by several doors, asks rules what to do with each, and tells the
// ledger what it did.
//
// # The walk of one request
//
//  1. Accept. Each door (explicit.go, socks.go, collector.go, transparent.go, redirected.go) lists the connection, makes a
//     Flow, and calls admit, or, where the first request names the destination, hands the connection to the server.
//  2. Identify. admit peeks (peek.go): ClientHello or header, never consumed, bounded in bytes and time. The name of the
//     CONNECT authority and the SNI are both asked. A client that says nothing may wait for a server that begins
//     (SMTP, SSH): then whoever speaks first decides, however late.
//  3. Gate. Tunnel (tunnel.go: the kernel copies, nothing is read), intercept, or refuse. A mismatch of names that touches
//     a telemetry host is refused; a client that refused our certificate for the host is treated by on_pinned (pinned.go).
//  4. Open. TLS ends in inner.go, and one http.Server takes the connection from there.
//  5. Check the authority of every request against the gate's (421), and leave hop-by-hop fields behind (message.go).
//  6. Read the body only if a rule needs it.
//  7. Match, 8. transform, 9. encode: rules.Set.Apply.
//  10. Record, before anything leaves (pipeline.go, recorded.go). What cannot be recorded stays here.
//  11. Forward (forward.go, upstream.go, dial.go), hold, or send parts on their own ways (parts.go).
//  12. Respond: the origin's answer streams; or the rule's own reply (reply.go). A result record follows.
//
// # Choices a reader will ask about
//
// goproxy stands in front of the explicit door and decides CONNECT: it rejects, or hijacks into admit. It never accepts
// a tunnel by itself, because the SNI must be asked first; it never intercepts; and no plain request takes its path,
// which holds back chunked answers and leaks hop-by-hop fields. Plain requests to hosts that no rule names stream
// through the same httputil.ReverseProxy as passed ones, with nothing recorded but totals.
//
// A passed request keeps method, target, field values and body. It does not keep the order and case of its fields:
// net/http has forgotten both. Upgrade to anything but websocket is left out on hosts that rules name, because another
// protocol would carry what no rule has seen.
//
// A generalized request leaves at most once. net/http by itself sends a request again when a kept-alive connection
// turns out to be dead; setBody allows that only where not a byte was written.
//
// Every address is checked when it is dialled, not when it is resolved. Addresses inside a client's own
// network are reached by a pool of connections for that network, so that no other client finds them open.
//
// # Who owns what
//
// Run owns every goroutine and returns when all have ended. Every accepted connection is on a list until it is closed.
// A Flow belongs to its door until admit; after the gate it is only read.
package proxy
