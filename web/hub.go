package web

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
)

// Bounds of live events.
const (
	hubEvery    = 250 * time.Millisecond // between looks at the ledger, while someone watches
	hubPage     = 60                     // entries told at one look
	hubFlood    = 40                     // of them, where more came than a look tells: nobody can read them anyway
	hubRest     = 750 * time.Millisecond // until the look after that one, so that watching a flood costs it little
	hubOpen     = 1024                   // entries whose result is waited for
	hubAsk      = 20                     // older entries asked for at one look, because something joined them
	streamQueue = 512                    // events that a slow reader may be behind
)

// message is one server-sent event.
type message struct {
	event string
	id    string // a cursor; "" where there is none
	data  []byte
	entry *Entry // nil: for everyone
}

// hub looks at the ledger for everyone who watches. It rests while nobody does.
type hub struct {
	s *Server

	mu      sync.Mutex // guards what follows
	streams map[*stream]struct{}
	place   ledger.Cursor // everything up to here has been told
	placed  bool
	wake    chan struct{}
	drifts  []audit.Drift
	last    int64 // number of the newest record that has been told

	open   map[int64]*Entry // of run: told without a result, by number
	order  []int64          // of run: keys of open, oldest first
	totals LedgerCounters   // of run: as told last
	told   time.Time        // of run: when
}

// stream is one who watches.
type stream struct {
	filter ledger.Filter
	queue  chan message
	late   bool // guarded by hub.mu: the queue was full; it is closed
}

func newHub(s *Server) *hub {
	return &hub{s: s, streams: map[*stream]struct{}{}, wake: make(chan struct{}, 1), open: map[int64]*Entry{}}
}

// join begins to watch. place is where telling begins: the caller catches up to it.
func (h *hub) join(ctx context.Context, f ledger.Filter) (st *stream, place ledger.Cursor, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) >= maxStreams {
		return nil, "", &fault{status: 503, Code: "unavailable", Message: "too many pages are open", Hint: "close some"}
	}
	if !h.placed {
		page, err := h.s.cfg.Book.List(ctx, ledger.Filter{Types: everyType(), Limit: 1})
		if err != nil {
			return nil, "", err
		}
		h.place, h.placed, h.last = page.Newer, true, 0
		if len(page.Entries) > 0 {
			h.last = page.Entries[0].Seq
		}
	}
	st = &stream{filter: f, queue: make(chan message, streamQueue)}
	h.streams[st] = struct{}{}
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return st, h.place, nil
}

func (h *hub) leave(st *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, st)
	if len(h.streams) == 0 {
		h.placed = false // who comes next begins at the end
	}
}

// run looks until ctx ends.
func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(hubEvery)
	defer tick.Stop()
	for {
		if !h.watched() {
			clear(h.open)
			h.order, h.told = nil, time.Time{}
			select {
			case <-ctx.Done():
				return
			case <-h.wake:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if h.look(ctx) {
				tick.Reset(hubRest)
			} else {
				tick.Reset(hubEvery)
			}
		}
	}
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams) > 0
}

func everyType() []ledger.Type {
	return []ledger.Type{ledger.Kept, ledger.Sent, ledger.Tunnel, ledger.Event, ledger.Result}
}

// look tells what came since the last time, and says whether it was more than could be told.
func (h *hub) look(ctx context.Context) (flood bool) {
	h.mu.Lock()
	place, placed := h.place, h.placed
	drifts, last := h.drifts, h.last
	h.drifts = nil
	h.mu.Unlock()
	if !placed {
		return false
	}
	page, skipped, err := h.read(ctx, place, last)
	if err != nil {
		return false // the status page says what ails the ledger; the next look tries again
	}
	var news []message
	if skipped > 0 {
		news = append(news, plain("skipped", map[string]int64{"count": skipped}))
	}
	news = append(news, h.tellEntries(ctx, page)...)
	for _, d := range drifts {
		news = append(news, plain("drift", shownDrift(d)))
	}
	if m, ok := h.tellCounters(ctx, len(page.Entries) > 0); ok {
		news = append(news, m)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.placed {
		h.place = page.Newer
		if len(page.Entries) > 0 {
			h.last = page.Entries[0].Seq
		}
	}
	h.send(news)
	return skipped > 0
}

// read is the page behind place, or the newest one where more came than a page can show.
func (h *hub) read(ctx context.Context, place ledger.Cursor, last int64) (page ledger.Page, skipped int64, err error) {
	page, err = h.s.cfg.Book.List(ctx, ledger.Filter{Types: everyType(), After: place, Limit: hubPage})
	if err != nil || len(page.Entries) < hubPage {
		return page, 0, err
	}
	if page, err = h.s.cfg.Book.List(ctx, ledger.Filter{Types: everyType(), Limit: hubFlood}); err != nil {
		return page, 0, err
	}
	if oldest := page.Entries[len(page.Entries)-1].Seq; oldest > last+1 {
		skipped = oldest - last - 1
	}
	return page, skipped, nil
}

// tellEntries makes messages of a page: entries, oldest first, and again those that a result or a part has joined.
func (h *hub) tellEntries(ctx context.Context, page ledger.Page) []message {
	var news []message
	asks := 0
	fresh := map[int64]bool{}
	for _, e := range slices.Backward(page.Entries) {
		if e.Type != ledger.Result {
			line := h.s.shown(&e)
			news = append(news, entryMessage(line, page.Newer))
			fresh[e.Seq] = true
			h.waitFor(e.Seq, line)
		}
		if e.RefSeq == 0 || fresh[e.RefSeq] && e.Type == ledger.Result {
			continue // a result that was there when its entry was told is in it
		}
		if line := h.open[e.RefSeq]; line != nil && e.Type == ledger.Result {
			line.end(&e.Record)
			line.Update = true
			news = append(news, entryMessage(*line, page.Newer))
			delete(h.open, e.RefSeq)
		} else if asks < hubAsk && e.Type != ledger.Event {
			asks++
			if joined, err := h.s.cfg.Book.Get(ctx, e.Node+"-"+strconv.FormatInt(e.RefSeq, 10)); err == nil {
				line := h.s.shown(joined)
				line.Update = true
				news = append(news, entryMessage(line, page.Newer))
			}
		}
	}
	return news
}

// waitFor remembers an entry that has no result yet.
func (h *hub) waitFor(seq int64, line Entry) {
	if line.Done || line.Type != string(ledger.Sent) {
		return
	}
	if len(h.order) >= hubOpen {
		delete(h.open, h.order[0])
		h.order = h.order[1:]
	}
	h.open[seq] = &line
	h.order = append(h.order, seq)
}

// tellCounters tells totals that have changed, at most once a second.
func (h *hub) tellCounters(ctx context.Context, news bool) (message, bool) {
	now := time.Now()
	if now.Sub(h.told) < time.Second || !news && !h.told.IsZero() && now.Sub(h.told) < 5*time.Second {
		return message{}, false
	}
	n, err := h.s.counters(ctx)
	h.told = now
	if err != nil || n == h.totals {
		return message{}, false
	}
	h.totals = n
	return plain("counters", n), true
}

// drift is told at the next look. It never blocks.
func (h *hub) drift(d audit.Drift) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) > 0 && len(h.drifts) < hubPage {
		h.drifts = append(h.drifts, d)
	}
}

// Drift tells open pages of drift. It may be given to audit.NewInventory: it does not block.
func (s *Server) Drift(d audit.Drift) { s.hub.drift(d) }

// tell tells everyone something now.
func (h *hub) tell(event string, data any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.send([]message{plain(event, data)})
}

// send hands messages to everyone whom they concern. Who reads too slowly is let go: the page comes back and catches
// up. The caller holds mu.
func (h *hub) send(news []message) {
	for st := range h.streams {
		for _, m := range news {
			if st.late || m.entry != nil && !matches(&st.filter, m.entry) {
				continue
			}
			select {
			case st.queue <- m:
			default:
				st.late = true
				close(st.queue)
			}
		}
	}
}

func plain(event string, data any) message {
	text, err := json.Marshal(data)
	if err != nil {
		panic("web: an event does not encode") // our own types always do
	}
	return message{event: event, data: text}
}

func entryMessage(line Entry, at ledger.Cursor) message {
	m := plain("entry", line)
	m.id, m.entry = string(at), &line
	return m
}

// matches says whether a filter selects a line, as the ledger's own would.
func matches(f *ledger.Filter, e *Entry) bool {
	one := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	return (len(f.Types) == 0 || slices.Contains(f.Types, ledger.Type(e.Type))) && one(f.Product, e.Product) && one(f.Kind, e.Kind) &&
		one(f.Verdict, e.Verdict) && one(f.Client, e.Client) && one(f.Rule, e.Rule) && one(f.Door, e.Door) &&
		(len(f.Host) == 0 || slices.ContainsFunc(f.Host, func(p string) bool { return covers(p, e.Host) })) &&
		(f.Flow == "" || f.Flow == e.Flow) && (f.Since.IsZero() || !e.Time.Before(f.Since)) && (f.Until.IsZero() || e.Time.Before(f.Until)) &&
		(f.Text == "" || strings.Contains(strings.ToLower(e.Host), strings.ToLower(f.Text)) || strings.Contains(strings.ToLower(e.Rule), strings.ToLower(f.Text)))
}

// covers says whether a pattern, a name or *.name, covers a host.
func covers(pattern, host string) bool {
	pattern = strings.ToLower(pattern)
	if suffix, wild := strings.CutPrefix(pattern, "*"); wild && strings.HasPrefix(suffix, ".") {
		return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	}
	return pattern == host
}
