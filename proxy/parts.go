package proxy

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// Bounds of what is sent beside the client's own exchange.
const (
	maxAside     = 64
	asideTimeout = time.Minute
	maxDrain     = 64 << 10 // of an answer that nobody reads, so that its connection can be used again
)

// separate sends the parts of a message on their own ways: those with a release are held, the others leave at once,
// each as a request of its own. The client has the rule's reply.
func (x *exchange) separate(outs []rules.Out) {
	recs := make([]*ledger.Record, len(outs))
	holds := 0
	for i := range outs {
		recs[i] = x.partRecord(&outs[i])
		if outs[i].Release != nil && x.p.cfg.Hold != nil {
			holds++
		}
	}
	if err := x.p.cfg.Book.Append(x.p.life, recs...); err != nil {
		x.p.cfg.Log.Error("ledger does not take an entry", "flow", x.flow.ID, "host", x.flow.To.Host, "error", err)
		x.keepBack()
		return
	}
	held := make([]Held, 0, holds)
	left := 0
	for i := range outs {
		switch {
		case outs[i].Release == nil:
			left++
			x.p.sendAside(x.flow, outs[i], recs[i])
		case x.p.cfg.Hold != nil:
			held = append(held, Held{Flow: x.flow, Out: outs[i], Edits: editsOf(x.outcome.Edits, outs[i].Part), Record: recs[i]})
		}
	}
	for i := range held {
		held[i].Left = left > 0
	}
	x.p.count(x.flow, x.hold(held, left))
	x.reply()
}

// partRecord is the record of one part: sent, held, or dropped for want of an outbox.
func (x *exchange) partRecord(out *rules.Out) *ledger.Record {
	var rec *ledger.Record
	switch {
	case out.Release == nil:
		rec = x.newRecord(ledger.Sent, "generalize")
		rec.Request = x.p.recorded(&out.Message, out.Message.To.Authority(), out.Message.Body, int64(len(out.Message.Body)), true)
	case x.p.cfg.Hold != nil:
		rec = x.newRecord(ledger.Kept, "hold")
	default:
		rec = x.newRecord(ledger.Kept, "drop")
		rec.Detail = "the part has a release, and there is no outbox"
	}
	rec.Part = out.Part
	return rec
}

// hold hands the held parts over and says what the request counts as.
func (x *exchange) hold(held []Held, left int) end {
	if len(held) > 0 {
		if err := x.p.cfg.Hold(x.p.life, held); err == nil {
			return endHeld
		} else {
			x.p.cfg.Log.Error("holding parts of a message", "flow", x.flow.ID, "error", err)
		}
		for _, h := range held {
			rec := x.newRecord(ledger.Kept, "drop")
			rec.Part, rec.RefSeq, rec.Detail, rec.Edits = h.Out.Part, h.Record.Seq, "the outbox did not take it", nil
			x.p.cfg.Book.Post(rec)
		}
	}
	if left > 0 {
		return endGeneralized
	}
	return endDropped
}

// sendAside delivers a part without its client waiting. Its record is committed.
func (p *Proxy) sendAside(f *Flow, out rules.Out, rec *ledger.Record) {
	p.aside <- struct{}{} // at most maxAside at once: a client that floods waits here
	p.spawn(func() {
		defer func() { <-p.aside }()
		p.Deliver(p.life, f, &out, rec)
	})
}

// editsOf are the edits of one part.
func editsOf(edits []rules.Edit, part string) []rules.Edit {
	var own []rules.Edit
	for _, e := range edits {
		if e.Part == part {
			own = append(own, e)
		}
	}
	return own
}

// Release lets a held part leave: its sent record first, which refers to the held one, then the request. After an error
// nothing has left; without one it may have left, and its result says how that ended.
func (p *Proxy) Release(ctx context.Context, h *Held) error {
	m := &h.Out.Message
	rec := p.newRecord(ledger.Sent, h.Flow, &m.To)
	rec.Product, rec.Kind, rec.Rule = h.Record.Product, h.Record.Kind, h.Record.Rule
	rec.Part, rec.RefSeq = h.Out.Part, h.Record.Seq
	rec.Verdict, rec.Reason, rec.Edits = string(rules.Generalize), "release", ledgerEdits(h.Edits)
	rec.Request = p.recorded(m, m.To.Authority(), m.Body, int64(len(m.Body)), true)
	if err := p.cfg.Book.Append(ctx, rec); err != nil {
		return err
	}
	p.Deliver(ctx, h.Flow, &h.Out, rec)
	return nil
}

// Deliver sends a part whose record rec is committed, and posts its result. It is sent at most once. It reports whether
// the origin answered.
func (p *Proxy) Deliver(ctx context.Context, f *Flow, out *rules.Out, rec *ledger.Record) bool {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, clientKey{}, f.Client), asideTimeout)
	defer cancel()
	start := time.Now()
	result := p.newRecord(ledger.Result, f, &out.Message.To)
	result.Part, result.RefSeq = rec.Part, rec.Seq
	result.BytesOut = int64(len(out.Message.Body))
	req := (&http.Request{ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	fill(req, &out.Message, p.up().parent != nil)
	resp, err := p.up().RoundTrip(req)
	if err != nil {
		result.Verdict, result.Error = verdictFailed, upstreamWords(err)
	} else {
		result.Status = resp.StatusCode
		result.BytesIn, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDrain))
		resp.Body.Close()
	}
	result.Duration = time.Since(start)
	p.cfg.Book.Post(result)
	return err == nil
}

// untouched forwards a plain request to a host that no rule names: streamed, nothing read, nothing kept but totals.
func (p *Proxy) untouched(w http.ResponseWriter, r *http.Request, conn *Flow, to rules.Destination, gate rules.Gate) {
	f := p.exchangeFlow(conn)
	f.To, f.Gate = to, gate
	x := &exchange{p: p, w: w, in: r, flow: f, untouched: true}
	var err error
	if x.message, err = p.message(r, f, to); err != nil {
		p.count(f, endFailed)
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	defer func() {
		if !x.originDone {
			x.finish(endFailed)
			return
		}
		p.count(f, endTunnelled)
		p.cfg.Book.AddTunnel(f.Client.String(), to.Host, to.Port, x.down, max(r.ContentLength, 0))
	}()
	p.forward.ServeHTTP(w, r.WithContext(withExchange(r.Context(), x)))
}
