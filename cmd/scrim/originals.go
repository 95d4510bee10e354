package main

import (
	"sync"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/web"
)

// Bounds of the originals that are kept: the last so many events, and no more bytes of content than this.
const (
	maxOriginals     = 50
	maxOriginalBody  = 1 << 20
	maxOriginalBytes = 16 << 20
)

// originals is a ring of requests as they came, in memory alone, for an owner who switched it on. Secrets are masked
// as in the ledger.
type originals struct {
	plain func(declared string, coded []byte) (plain []byte, coding string, err error)

	mu    sync.Mutex // guards what follows
	ring  []original // oldest first
	bytes int
}

type original struct {
	flow    string
	time    time.Time
	request *ledger.Request
}

func newOriginals(plain func(string, []byte) ([]byte, string, error)) *originals {
	return &originals{plain: plain}
}

// keep takes a copy of a request, and lets go of the oldest beyond the bounds.
func (o *originals) keep(flow string, m *rules.Message) {
	q := requestOf(m, o.plain)
	if len(q.Body) > maxOriginalBody {
		q.Body, q.Cut = q.Body[:maxOriginalBody], true
	}
	q.Body = append([]byte(nil), q.Body...)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ring = append(o.ring, original{flow, m.Time, q})
	o.bytes += len(q.Body)
	for len(o.ring) > maxOriginals || o.bytes > maxOriginalBytes {
		o.bytes -= len(o.ring[0].request.Body)
		o.ring[0] = original{}
		o.ring = o.ring[1:]
	}
}

// find is the original of a flow while it is in memory. A nil ring holds none.
func (o *originals) find(flow string) *web.Original {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.ring {
		if o.ring[i].flow == flow {
			return &web.Original{Time: o.ring[i].time, Request: *web.ShownRequest(o.ring[i].request)}
		}
	}
	return nil
}

// requestOf is a message as the ledger would hold it, secrets masked, content codings undone where that is possible.
func requestOf(m *rules.Message, plain func(string, []byte) ([]byte, string, error)) *ledger.Request {
	q := &ledger.Request{Method: m.Method, Target: m.Target(), Length: int64(len(m.Body)), Body: m.Body, Header: []ledger.Field{{Name: "Host", Value: m.To.Authority()}}}
	for _, f := range m.Header {
		q.Header = append(q.Header, ledger.Field(f))
	}
	if text, coding, err := plain(m.Get("Content-Encoding"), m.Body); err == nil && len(m.Body) > 0 {
		q.Body, q.Coding = text, coding
	}
	q.Mask()
	return q
}
