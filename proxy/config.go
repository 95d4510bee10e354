package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// Leafer gives the certificate that a client is shown for a host. It is called for every intercepted
// handshake and must cache. An error closes the connection.
type Leafer interface {
	Leaf(host string) (*tls.Certificate, error)
}

// Book is the ledger as the pipeline sees it.
type Book interface {
	// Append returns after the commit that holds the records, their Seq set. After an error no telemetry leaves.
	Append(ctx context.Context, recs ...*ledger.Record) error
	// Post queues a record about something that has already happened. It never blocks.
	Post(rec *ledger.Record)
	// AddTunnel adds one tunnel to the totals by client, host and hour; GrowTunnel adds bytes of one. in is what the
	// client received. Neither blocks.
	AddTunnel(client, host string, port uint16, in, out int64)
	GrowTunnel(client, host string, port uint16, in, out int64)
}

// Held is one part of a generalized message that waits for its release.
type Held struct {
	Flow   *Flow
	Out    rules.Out
	Edits  []rules.Edit   // of this part
	Record *ledger.Record // its kept record, committed
	Left   bool           // another part of the message has left at once
}

// Config is all that a Proxy needs. Rules, Leaves and Book must be set; everything else has a default.
type Config struct {
	Rules  func() *rules.Set // the set in force; asked anew for every connection and every request
	Leaves Leafer
	Book   Book

	Listen   Listen
	Clients  Clients
	Upstream Upstream
	OnPinned OnPinned
	Limits   Limits

	// Hold takes over the parts that have a release. Nil: they are dropped, and the ledger says why.
	Hold func(ctx context.Context, held []Held) error
	// NameOf is what DNS last answered to client for addr, or "". Nil: nothing is remembered.
	NameOf func(client, addr netip.Addr) string
	// Observe is told how each request ended. It is called on the request's way and must be quick. Nil: nobody watches.
	Observe func(Observation)
	// Original is handed each request that a rule decided, as it came, before it is answered or leaves. It must copy what it
	// keeps. Nil: nobody keeps them.
	Original func(flow string, m *rules.Message, rule *rules.RuleInfo)

	// Plain undoes the content codings of a body for the ledger; coding "" where there were none. Nil: it is kept as it left.
	Plain func(declared string, coded []byte) (plain []byte, coding string, err error)

	Log      *slog.Logger     // nil: silent
	Now      func() time.Time // nil: time.Now
	Random   io.Reader        // nil: the system's source
	Location *time.Location   // nil: time.Local
	Key      []byte           // of pseudonyms
}

// Listen holds the addresses of the doors ("host:port", ":port"); an empty one is closed.
type Listen struct {
	Proxy       string // explicit proxy
	SOCKS       string
	Collector   string
	Transparent string
	TProxy      bool   // Transparent is reached by TPROXY, not by REDIRECT
	TLS         string // redirected by DNS, port 443 of the origins
	HTTP        string // redirected by DNS, port 80 of the origins
}

// Clients says who is served.
type Clients struct {
	Allow []string              // words loopback, private, lan; CIDRs; addresses. Nil: the three words
	Names map[netip.Addr]string // the owner's names
}

// Upstream says how origins are reached.
type Upstream struct {
	Resolvers []string // "system", udp://, tcp://, tls://, https://; tried in order. Nil: system
	// Lookup, if set, is asked where Resolvers say "system": the system may be asking scrim's own DNS door.
	Lookup       func(ctx context.Context, host string) ([]netip.Addr, time.Duration, error)
	Proxy        string            // http://, https://, socks5://; "": none. The environment is never asked
	Roots        []byte            // PEM, trusted beside the system's
	Hosts        map[string]string // fixed addresses, "address" or "address:port"; allowed as written
	AllowPrivate []netip.Prefix    // private networks that every client may reach
	OwnPorts     []uint16          // ports of the rest of scrim (web, DNS) that no client may reach through it
}

// The two ways to treat a client that refused our certificate for a host.
const (
	PinnedRefuse = "refuse"
	PinnedTunnel = "tunnel"
)

// OnPinned says what happens to the next attempt of a client that refused our certificate for a host.
type OnPinned struct {
	Telemetry string        // refuse (default) or tunnel
	Mixed     string        // tunnel (default) or refuse
	Forget    time.Duration // after which the client is tried again; 0: 1 h
}

// Limits bound what one client, or all of them, can take. A zero field takes its default.
type Limits struct {
	Connections   int           // open at once; 10,000
	PerClient     int           // open connections, and requests under way, of one client; 1,000
	Header        int           // bytes of a request's header; 64 KiB
	Body          int64         // bytes of a body that a rule reads, coded, whatever its max_body; 64 MiB
	RecordedBody  int           // bytes of a body kept in an entry; 1 MiB
	PeekTimeout   time.Duration // for a ClientHello or first header to be whole once begun; 10 s
	Silence       time.Duration // after which a client that says nothing may be waiting for the server to begin; 500 ms
	HeaderTimeout time.Duration // for a request's header; 10 s
	BodyTimeout   time.Duration // for a body that a rule reads; 60 s
	IdleTimeout   time.Duration // of a kept-alive connection; 5 min
	DialTimeout   time.Duration // 10 s
	HalfClosed    time.Duration // of a tunnel that one side has ended; 1 h
	Grace         time.Duration // for open tunnels and requests when scrim stops; 3 s
}

func (l *Limits) defaults() {
	def(&l.Connections, 10_000)
	def(&l.PerClient, 1000)
	def(&l.Header, 64<<10)
	def(&l.Body, 64<<20)
	def(&l.RecordedBody, 1<<20)
	def(&l.PeekTimeout, 10*time.Second)
	def(&l.Silence, 500*time.Millisecond)
	def(&l.HeaderTimeout, 10*time.Second)
	def(&l.BodyTimeout, time.Minute)
	def(&l.IdleTimeout, 5*time.Minute)
	def(&l.DialTimeout, 10*time.Second)
	def(&l.HalfClosed, time.Hour)
	def(&l.Grace, 3*time.Second)
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// complete fills in the defaults and reports everything that is wrong at once.
func (c *Config) complete() error {
	var errs []error
	if c.Rules == nil || c.Leaves == nil || c.Book == nil {
		errs = append(errs, errors.New("proxy: Rules, Leaves and Book must be set"))
	}
	c.Limits.defaults()
	def(&c.OnPinned.Telemetry, PinnedRefuse)
	def(&c.OnPinned.Mixed, PinnedTunnel)
	def(&c.OnPinned.Forget, time.Hour)
	for key, word := range map[string]string{"telemetry": c.OnPinned.Telemetry, "mixed": c.OnPinned.Mixed} {
		if word != PinnedRefuse && word != PinnedTunnel {
			errs = append(errs, fmt.Errorf("on_pinned.%s: %q is neither %q nor %q", key, word, PinnedRefuse, PinnedTunnel))
		}
	}
	if c.Clients.Allow == nil {
		c.Clients.Allow = []string{"loopback", "private", "lan"}
	}
	if c.Upstream.Resolvers == nil {
		c.Upstream.Resolvers = []string{"system"}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Location == nil {
		c.Location = time.Local
	}
	return errors.Join(errs...)
}
