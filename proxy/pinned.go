package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// refusal is how a client refused our certificate.
type refusal string

// The classes of refusal, as the ledger writes them.
const (
	refusedUnknownCA   refusal = "unknown certificate authority"
	refusedBadCert     refusal = "bad certificate"
	refusedSilently    refusal = "closed without alert"
	refusedNoShared    refusal = "no shared protocol"
	refusedForNoReason refusal = "" // not a refusal: a timeout, or a fault of ours
)

// classify names the way in which a handshake failed on the client's side.
func classify(err error) refusal {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refusedForNoReason
	}
	text := err.Error()
	if strings.Contains(text, "remote error: tls:") {
		switch {
		case strings.Contains(text, "unknown certificate authority"):
			return refusedUnknownCA
		case strings.Contains(text, "certificate"), strings.Contains(text, "access denied"):
			return refusedBadCert
		}
		return refusedNoShared
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return refusedSilently
	case strings.Contains(text, "unsupported versions"), strings.Contains(text, "no cipher suite supported"),
		strings.Contains(text, "unsupported application protocols"), strings.Contains(text, "no ECDHE curve"), strings.Contains(text, "no supported"),
		strings.Contains(text, "doesn't support any of the certificate's signature algorithms"):
		return refusedNoShared
	case errors.Is(err, net.ErrClosed):
		return refusedForNoReason
	}
	return refusedForNoReason
}

// Bounds of what is remembered of refusals. A client that only hung up may have had another reason, and is tried again soon.
const (
	maxPins           = 4096
	forgetSilent      = 10 * time.Minute
	maxTriesElsewhere = 3
)

// pinned remembers which client refused our certificate for which host.
type pinned struct {
	cfg OnPinned
	now func() time.Time

	mu   sync.Mutex // guards pins
	pins map[pinKey]pin
}

type pinKey struct {
	client netip.Addr
	host   string
}

type pin struct {
	how    refusal
	at     time.Time
	issuer [32]byte // of the certificate that was refused
	tries  int      // how often it was refused
	waived bool     // tried again at the next attempt
}

func newPinned(cfg OnPinned, now func() time.Time) *pinned {
	return &pinned{cfg: cfg, now: now, pins: map[pinKey]pin{}}
}

// ask says what to do with an attempt of f's client at f's host: PinnedRefuse, PinnedTunnel, or "" for an ordinary one.
func (p *pinned) ask(f *Flow, issuer [32]byte) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := pinKey{f.Client, f.To.Host}
	got, ok := p.pins[k]
	if !ok {
		return ""
	}
	if got.waived {
		return ""
	}
	forget := p.cfg.Forget
	if got.how == refusedSilently {
		forget = min(forget, forgetSilent)
	}
	if age := p.now().Sub(got.at); age < 0 || age >= forget || got.issuer != issuer {
		delete(p.pins, k)
		return ""
	}
	if f.Gate.Class == rules.Mixed {
		return p.cfg.Mixed
	}
	return p.cfg.Telemetry
}

// refused remembers a refusal.
func (p *pinned) refused(f *Flow, how refusal, issuer [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pins) >= maxPins {
		clear(p.pins) // every client is tried again; rare, and safe on telemetry hosts
	}
	k := pinKey{f.Client, f.To.Host}
	p.pins[k] = pin{how: how, at: p.now(), issuer: issuer, tries: p.pins[k].tries + 1}
}

// accepted forgets what f's client refused: the host's entry, and those for want of the authority (which some
// clients call a bad certificate): it has it now.
// A client in which one program trusts us and another does not keeps its entries after a few tries.
func (p *pinned) accepted(f *Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pins) == 0 {
		return
	}
	delete(p.pins, pinKey{f.Client, f.To.Host})
	for k, v := range p.pins {
		if k.client == f.Client && (v.how == refusedUnknownCA || v.how == refusedBadCert) && v.tries < maxTriesElsewhere {
			v.waived = true
			p.pins[k] = v
		}
	}
}

// ForgetPinned forgets every refusal, as after the owner has installed the authority.
func (p *Proxy) ForgetPinned() {
	p.pinned.mu.Lock()
	defer p.pinned.mu.Unlock()
	clear(p.pinned.pins)
}

// issuerOf identifies what signs the certificate for host; the zero value where there is none.
func (p *Proxy) issuerOf(host string) [32]byte {
	p.pinned.mu.Lock()
	empty := len(p.pinned.pins) == 0
	p.pinned.mu.Unlock()
	if empty {
		return [32]byte{}
	}
	return p.signerOf(host)
}

func (p *Proxy) signerOf(host string) [32]byte {
	leaf, err := p.cfg.Leaves.Leaf(host)
	if err != nil || len(leaf.Certificate) < 2 {
		return [32]byte{}
	}
	return sha256.Sum256(leaf.Certificate[1])
}

// tail is the end of what a client said in a handshake: the length of an alert.
type tail [7]byte

func (t *tail) note(b []byte) {
	if n := len(b); n < len(t) {
		copy(t[:], t[n:])
		copy(t[len(t)-n:], b)
		return
	}
	copy(t[:], b[len(b)-len(t):])
}

// alert returns err, or the alert that the client ended the handshake with where crypto/tls did not understand it: OpenSSL and
// others refuse a certificate of TLS 1.3 in clear (RFC 8446, section 5.1 allows it until they have their keys), and
// crypto/tls then speaks of a bad record.
func (t *tail) alert(err error) error {
	const alert, fatal = 21, 2
	if t[0] == alert && t[1] == 3 && t[3] == 0 && t[4] == 2 && t[5] == fatal && !strings.Contains(err.Error(), "remote error") {
		return fmt.Errorf("remote error: %w", tls.AlertError(t[6]))
	}
	return err
}

// handshakeFailed enters a handshake that did not succeed. The next attempt is decided by on_pinned.
func (p *Proxy) handshakeFailed(f *Flow, err error) {
	defer p.count(f, endFailed)
	how := classify(err)
	if how == refusedForNoReason {
		p.cfg.Log.Info("handshake with a client", "client", f.Client, "host", f.To.Host, "error", err)
		return
	}
	p.pinned.refused(f, how, p.signerOf(f.To.Host))
	p.tally.add(func(c *Counters) { c.Pinned++ })
	next := "the next attempt is refused"
	if p.pinned.next(f.Gate.Class == rules.Mixed) == PinnedTunnel {
		next = "the next attempt is tunnelled"
	}
	p.cfg.Log.Warn("client rejected our certificate", "client", f.Client, "host", f.To.Host, "how", string(how), "next", next,
		"hint", "install the authority on that device (scrim ca export), or set on_pinned")
	p.event(f, "pinned", string(how)+"; "+next+"; install the authority on that device (scrim ca export), or set on_pinned")
}
