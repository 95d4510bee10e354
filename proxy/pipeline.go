package proxy

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// exchange is one request on its way through the pipeline, to a host that a rule names.
type exchange struct {
	p       *Proxy
	w       http.ResponseWriter
	in      *http.Request
	flow    *Flow
	set     *rules.Set
	message *rules.Message
	read    []byte // the content as far as it was read; the rest is still in in.Body
	outcome *rules.Outcome

	record    *ledger.Record // the sent or kept record, once committed
	out       *rules.Out     // what leaves, where it is not the message itself
	telemetry bool           // what must not leave without an entry

	untouched bool // the host is in no rule: nothing is recorded but totals

	status     int         // of the origin's answer
	down       int64       // bytes of content sent to the client
	originDone bool        // the origin's answer began
	cut        atomic.Bool // the client's content ended before its end
	refused    bool        // scrim does not connect to the address
	failure    string
}

// exchange walks one request through steps 5 to 12 (ARCHITECTURE.md, section 3). conn is the flow of its
// connection; its authority has been checked.
func (p *Proxy) exchange(w http.ResponseWriter, r *http.Request, conn *Flow, to rules.Destination, gate rules.Gate) {
	f := p.exchangeFlow(conn)
	f.To, f.Gate = to, gate
	x := &exchange{p: p, w: w, in: r, flow: f, set: p.cfg.Rules()}

	// Step 5. The authority is that of the gate; hop-by-hop fields do not come further.
	var err error
	if x.message, err = p.message(r, f, to); err != nil {
		p.count(f, endFailed)
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if isPreflight(r) && gate.Class == rules.Telemetry {
		x.preflight()
		return
	}

	// Step 6. The body is read only if a rule of this host, method and path reads or writes it.
	if route := x.set.Route(x.message); route.NeedBody {
		x.read = p.readBody(w, r, x.message, route.MaxBody)
	}

	// Steps 7 to 9. Match, transform, encode: the received message is never changed.
	now := p.cfg.Now()
	x.outcome = x.set.Apply(x.message, rules.Env{Now: now, Location: p.cfg.Location, Random: p.cfg.Random, Key: p.cfg.Key})
	x.noteDrift()
	if p.cfg.Original != nil && x.outcome.Rule != nil {
		p.cfg.Original(f.ID, x.message, x.outcome.Rule)
	}

	// Steps 10 to 12. Record before anything leaves; then forward, hold or answer here.
	switch x.outcome.Verdict {
	case rules.Pass:
		x.pass()
	case rules.Generalize:
		x.generalize()
	default:
		x.drop()
	}
}

func (x *exchange) noteDrift() {
	if n := len(x.outcome.Drift); n > 0 {
		x.p.tally.add(func(c *Counters) { c.Drift += int64(n) })
	}
}

// pass forwards the request byte for byte. Telemetry, which the owner let pass, is recorded first or stays here;
// what a product needs is not held up by a ledger that cannot write.
func (x *exchange) pass() {
	x.telemetry = x.flow.Gate.Class == rules.Telemetry || (x.outcome.Rule != nil && x.outcome.Rule.Kind != "") || x.outcome.Reason == rules.ByPause
	rec := x.newRecord(ledger.Sent, "pass")
	rec.Request = x.p.recorded(x.message, x.in.Host, x.read, x.in.ContentLength, x.outcome.Rule != nil && x.message.BodyFault == "")
	if !x.commit(rec) && x.telemetry {
		x.keepBack()
		return
	}
	if x.read != nil {
		http.NewResponseController(x.w).SetReadDeadline(time.Time{}) // the rest streams; and the origin may take its time
	}
	x.send(endPassed)
}

// generalize sends what the rule made of the message. Where that is one request that leaves at once, its answer is
// the client's; else the client has the rule's reply, and the parts go their own ways.
func (x *exchange) generalize() {
	x.telemetry = true
	outs := x.outcome.Messages
	if len(outs) == 0 {
		x.drop()
		return
	}
	if len(outs) == 1 && outs[0].Origin && outs[0].Release == nil {
		x.out = &outs[0]
		rec := x.newRecord(ledger.Sent, "generalize")
		rec.Part = x.out.Part
		rec.Request = x.p.recorded(&x.out.Message, x.out.Message.To.Authority(), x.out.Message.Body, int64(len(x.out.Message.Body)), true)
		if !x.commit(rec) {
			x.keepBack()
			return
		}
		x.relay(endGeneralized)
		return
	}
	x.separate(outs)
}

// drop answers with the rule's reply. Its entry says so; that the ledger cannot write changes nothing for the client.
func (x *exchange) drop() {
	rec := x.newRecord(ledger.Kept, "drop")
	rec.Status = replyStatus(x.outcome.Reply)
	x.commit(rec)
	x.p.count(x.flow, endDropped)
	x.reply()
}

// keepBack is what happens to telemetry that could not be recorded: it does not leave, and the client does not notice.
func (x *exchange) keepBack() {
	x.p.tally.add(func(c *Counters) { c.LedgerFault++ })
	x.p.count(x.flow, endDropped)
	x.reply()
}

// commit appends rec and reports whether it is in the ledger.
func (x *exchange) commit(rec *ledger.Record) bool {
	if err := x.p.cfg.Book.Append(x.p.life, rec); err != nil {
		x.p.cfg.Log.Error("ledger does not take an entry", "flow", x.flow.ID, "host", x.flow.To.Host, "error", err)
		return false
	}
	x.record = rec
	return true
}

// newRecord begins the record of this exchange with what the outcome says.
func (x *exchange) newRecord(t ledger.Type, verdict string) *ledger.Record {
	rec := x.p.newRecord(t, x.flow, &x.message.To)
	o := x.outcome
	rec.Verdict, rec.Reason, rec.Detail = verdict, string(o.Reason), o.Detail
	if o.Told != nil {
		rec.Share(sharedEdits(o))
	} else {
		rec.Edits = ledgerEdits(o.Edits)
	}
	if r := o.Rule; r != nil {
		rec.Rule, rec.Product, rec.Kind = r.ID, r.Product, r.Kind
	}
	if rec.Detail == "" && len(o.Drift) > 0 {
		rec.Detail = "drift: " + o.Drift[0].What + " " + o.Drift[0].Name
	}
	rec.Detail = withWord(rec.Detail, o.Word)
	return rec
}

// send forwards and enters how it ended.
func (x *exchange) send(as end) {
	defer x.finish(as)
	if x.flow.Gate.Class == rules.Telemetry {
		x.w = forgetful{x.w}
	}
	x.p.forward.ServeHTTP(x.w, x.in.WithContext(withExchange(x.in.Context(), x)))
}

// verdictFailed is the verdict of a result that did not come, and of connections that failed.
const verdictFailed = "failed"

// finish counts the request and posts its result record. It runs while a panic of the copy unwinds, too.
func (x *exchange) finish(as end) {
	switch {
	case x.refused:
		as = endRefused
	case !x.originDone:
		as = endFailed
	}
	x.p.count(x.flow, as)
	if x.record == nil {
		if x.refused {
			x.p.recordRefusal(x.flow, x.failure)
		}
		return
	}
	rec := x.p.newRecord(ledger.Result, x.flow, &x.message.To)
	rec.Part, rec.RefSeq = x.record.Part, x.record.Seq
	rec.Status, rec.BytesIn, rec.Error = x.status, x.down, x.failure
	rec.BytesOut = max(x.record.Request.Length, 0)
	rec.Duration = time.Since(x.flow.Start)
	if !x.originDone {
		rec.Verdict = verdictFailed
	}
	x.p.cfg.Book.Post(rec)
}
