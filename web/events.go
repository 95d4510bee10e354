package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// Times of a stream.
const (
	heartbeat   = 15 * time.Second // a comment, so that what stands between does not think it is over
	sendTimeout = 10 * time.Second // for one event to be taken
	maxCatchUp  = 1000             // entries told again to who comes back; beyond them: skipped
)

// events streams what happens (HTML standard, "Server-sent events").
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, err := filterOf(q, "after")
	if err != nil {
		refuse(w, err)
		return
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		q.Set("after", id)
	}
	after, err := place(q, "after")
	if err != nil {
		refuse(w, err)
		return
	}
	st, at, err := s.hub.join(r.Context(), f)
	if err != nil {
		refuse(w, err)
		return
	}
	defer s.hub.leave(st)
	out := &outlet{w: w, ctl: http.NewResponseController(w)}
	out.begin()
	out.write(plain("hello", map[string]any{"time": s.cfg.Now().UTC(), "cursor": string(at)}))
	told := map[string]bool{}
	if after != "" {
		told = s.catchUp(r.Context(), out, f, after)
	}
	s.follow(r, out, st, told)
}

// catchUp tells what came behind a place, oldest first, and what it has told.
func (s *Server) catchUp(ctx context.Context, out *outlet, f ledger.Filter, after ledger.Cursor) map[string]bool {
	told := map[string]bool{}
	f.After, f.Limit = after, maxCatchUp
	page, err := s.cfg.Book.List(ctx, f)
	if err != nil {
		return told
	}
	if len(page.Entries) == maxCatchUp { // whoever was away for so long begins anew
		out.write(plain("skipped", map[string]int64{"count": maxCatchUp}))
		return told
	}
	for _, e := range slices.Backward(page.Entries) {
		told[e.ID] = true
		out.write(entryMessage(s.shown(&e), page.Newer))
	}
	return told
}

// follow writes what the hub tells until the client goes, is too slow, or its right ends.
func (s *Server) follow(r *http.Request, out *outlet, st *stream, told map[string]bool) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for out.err == nil {
		select {
		case <-r.Context().Done():
			return
		case m, open := <-st.queue:
			if !open {
				return
			}
			if m.entry != nil && told[m.entry.ID] && !m.entry.Update {
				continue
			}
			out.write(m)
		case <-beat.C:
			if how, _ := s.identify(r); how == byNothing {
				return // logged out, or the session is over
			}
			out.comment()
		}
	}
}

// outlet writes events, and remembers the first error.
type outlet struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
	err error
}

func (o *outlet) begin() {
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	o.ctl.SetReadDeadline(time.Time{}) // the deadline of the request would end the stream
	o.w.WriteHeader(http.StatusOK)
	o.text("retry: 1000\n\n")
}

func (o *outlet) write(m message) {
	var b strings.Builder
	if m.id != "" {
		fmt.Fprintf(&b, "id: %s\n", m.id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", m.event, m.data) // JSON has no line breaks
	o.text(b.String())
}

func (o *outlet) comment() { o.text(":\n\n") }

func (o *outlet) text(text string) {
	if o.err != nil {
		return
	}
	o.ctl.SetWriteDeadline(time.Now().Add(sendTimeout))
	if _, o.err = o.w.Write([]byte(text)); o.err == nil {
		o.err = o.ctl.Flush()
	}
}
