package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/proxy/outbox"
	"github.com/scrimproxy/scrim/rules"
)

// sendGrace is how long a record that is on its way when scrim stops may go on.
const sendGrace = 5 * time.Second

// unknownVerdict is what the ledger says of a record that was marked to leave when scrim ended.
const unknownVerdict = "unknown"

// holding joins the outbox to the rooms around it: what is held goes in, what is released goes out by the proxy, and
// the ledger is told of each end.
type holding struct {
	box    *outbox.Box
	ledger *ledger.Ledger
	set    func() *rules.Set
	log    *slog.Logger
	proxy  *proxy.Proxy     // set before Run
	before map[int64]string // held records of former runs that are still open: their flows

	mu    sync.Mutex // guards flows
	flows map[string]*heldFlow
}

// heldFlow is a request of this run of which parts wait.
type heldFlow struct {
	open int
	left bool
}

// openHolding opens the outbox in dir and enters what a crash left behind.
func openHolding(ctx context.Context, cfg *config, book *ledger.Ledger, set func() *rules.Set, log *slog.Logger) (*holding, error) {
	o := &holding{ledger: book, set: set, log: log, before: map[int64]string{}, flows: map[string]*heldFlow{}}
	box, unknown, err := outbox.Open(outbox.Config{Dir: cfg.stateDir(), Send: o.send, Expired: o.expired, Log: log})
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	o.box = box
	if err := o.takeUp(ctx, unknown); err != nil {
		return nil, errors.Join(err, box.Close())
	}
	return o, nil
}

// takeUp compares what waits with what the ledger holds to be held, and enters how the rest ended.
func (o *holding) takeUp(ctx context.Context, unknown []outbox.Item) error {
	open, err := o.ledger.Held(ctx)
	if err != nil {
		return fmt.Errorf("looking for held entries: %w", err)
	}
	for _, r := range open {
		o.before[r.Seq] = r.Flow
	}
	for i := range unknown {
		if err := o.enterUnknown(ctx, &unknown[i]); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		o.log.Warn("records were on their way when scrim ended; they may have left, and are not sent again", "records", len(unknown))
		if err := o.box.Forget(unknown...); err != nil {
			return err
		}
	}
	waits := map[int64]bool{}
	wait := func(it *outbox.Item) { waits[it.Ref] = waits[it.Ref] || o.before[it.Ref] == it.Flow }
	for i := range unknown {
		wait(&unknown[i])
	}
	o.box.Each(wait)
	for _, r := range open {
		if waits[r.Seq] {
			continue
		}
		lost := endOf(r, "drop")
		lost.Detail = "scrim ended before the outbox had it; it does not leave"
		if err := o.ledger.Append(ctx, lost); err != nil {
			return fmt.Errorf("entering a lost part: %w", err)
		}
	}
	return nil
}

// enterUnknown says in the ledger that a record was marked to leave when scrim ended. Where its sent record is there
// it may have left, and this is its result; else not even that was written, and it did not.
func (o *holding) enterUnknown(ctx context.Context, it *outbox.Item) error {
	rec := endOf(o.record(it), unknownVerdict)
	rec.Detail = "scrim ended as it was about to leave; it is not sent again"
	e, err := o.ledger.Get(ctx, fmt.Sprint(it.Ref))
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("looking for a record that was on its way: %w", err)
	}
	if err == nil && e.Flow == it.Flow {
		rec.RefSeq = it.Ref
		for _, p := range e.Parts {
			if p.Type == ledger.Sent {
				rec.Type, rec.RefSeq, rec.Detail = ledger.Result, p.Seq, ""
				rec.Error = "scrim ended while it was on its way: it may have left; it is not sent again"
			}
		}
	}
	if err := o.ledger.Append(ctx, rec); err != nil {
		return fmt.Errorf("entering a record that was on its way: %w", err)
	}
	return nil
}

// endOf begins the record of how a held part ended.
func endOf(held *ledger.Record, verdict string) *ledger.Record {
	return &ledger.Record{Type: ledger.Kept, Flow: held.Flow, Door: held.Door, Client: held.Client, Scheme: held.Scheme, Host: held.Host, Port: held.Port,
		Product: held.Product, Kind: held.Kind, Rule: held.Rule, Part: held.Part, Verdict: verdict, RefSeq: held.Seq}
}

// record is the held record of an item, as far as the item tells. Seq is 0 where this ledger does not have it: it is a
// new one, or kept in memory.
func (o *holding) record(it *outbox.Item) *ledger.Record {
	to := it.Message.To
	rec := &ledger.Record{Flow: it.Flow, Door: it.Door, Client: it.Client, Scheme: to.Scheme, Host: to.Host, Port: to.Port,
		Product: it.Product, Kind: it.Kind, Rule: it.Rule, Part: it.Part}
	o.mu.Lock()
	_, own := o.flows[it.Flow]
	o.mu.Unlock()
	if own || o.before[it.Ref] == it.Flow {
		rec.Seq = it.Ref
	}
	return rec
}

// hold takes parts in. It is proxy.Config.Hold.
func (o *holding) hold(_ context.Context, held []proxy.Held) error {
	items := make([]outbox.Item, len(held))
	for i, h := range held {
		added := h.Out.Message.Time
		if added.IsZero() {
			added = time.Now()
		}
		items[i] = outbox.Item{
			Added: added, Flow: h.Flow.ID, Ref: h.Record.Seq, Door: h.Flow.Door, Client: h.Flow.Client.String(),
			Product: h.Record.Product, Kind: h.Record.Kind, Rule: h.Record.Rule, Part: h.Out.Part,
			Release: *h.Out.Release, Message: h.Out.Message, Stamps: h.Out.Stamps, Edits: h.Edits,
		}
	}
	flow := held[0].Flow.ID
	o.mu.Lock()
	o.flows[flow] = &heldFlow{open: len(held), left: held[0].Left}
	o.mu.Unlock()
	err := o.box.Add(items...)
	if err != nil {
		o.mu.Lock()
		delete(o.flows, flow)
		o.mu.Unlock()
	}
	return err
}

// send lets one record leave, if the owner's rules and switches still say so. It is outbox.Config.Send.
func (o *holding) send(ctx context.Context, it outbox.Item) error {
	rec := o.record(&it)
	client, err := netip.ParseAddr(it.Client)
	if err != nil {
		client = netip.Addr{} // of a door that did not know; no rule is about it
	}
	who := rules.Client{Addr: client, Name: it.Message.ClientName, Now: time.Now()}
	if ok, reason, why := o.set().MayLeave(who, it.Message.To.Host, it.Product, it.Rule, it.Part); !ok {
		end := endOf(rec, "drop")
		end.Reason, end.Detail = string(reason), why
		return o.end(ctx, &it, end)
	}
	ctx, cancel := outlive(ctx, sendGrace)
	defer cancel()
	flow := &proxy.Flow{ID: it.Flow, Door: it.Door, Client: client, ClientName: it.Message.ClientName, Start: it.Added, To: it.Message.To,
		Gate: rules.Gate{Product: it.Product}}
	out := rules.Out{Part: it.Part, Message: it.Message, Release: &it.Release}
	if err := o.proxy.Release(ctx, &proxy.Held{Flow: flow, Out: out, Edits: it.Edits, Record: rec}); err != nil {
		o.log.Error("the ledger does not take an entry: a held record waits for the next release", "rule", it.Rule, "error", err)
		return fmt.Errorf("%w: %w", outbox.ErrNotSent, err)
	}
	o.settle(it.Flow, true)
	return nil
}

// end enters that a record does not leave. Where the ledger does not take that, the record waits.
func (o *holding) end(ctx context.Context, it *outbox.Item, rec *ledger.Record) error {
	if err := o.ledger.Append(ctx, rec); err != nil {
		o.log.Error("the ledger does not take an entry: a held record stays", "rule", it.Rule, "error", err)
		return fmt.Errorf("%w: %w", outbox.ErrNotSent, err)
	}
	o.settle(it.Flow, false)
	return nil
}

// expired enters that a record was too old to leave, or could not be written. It is outbox.Config.Expired: the record is gone already, and what
// the ledger does not take now it is told at the next start.
func (o *holding) expired(it outbox.Item) {
	rec := endOf(o.record(&it), "drop")
	rec.Reason, rec.Detail = "expired", "too old: it waited longer than max_age"
	if it.Fault != "" {
		rec.Reason, rec.Detail = string(rules.OnFault), "stamp: "+it.Fault
	}
	if err := o.ledger.Append(context.Background(), rec); err != nil {
		o.log.Error("the ledger does not take an entry", "rule", it.Rule, "error", err)
	}
	o.settle(it.Flow, false)
}

// settle counts the end of a part. The requests of former runs are not among the counters of this one.
func (o *holding) settle(flow string, left bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.flows[flow]
	if f == nil {
		return
	}
	f.open--
	f.left = f.left || left
	if f.open > 0 {
		return
	}
	delete(o.flows, flow)
	verdict := rules.Drop
	if f.left {
		verdict = rules.Generalize
	}
	o.proxy.Settle(verdict)
}

// waiting is what the outbox holds, for status.
type waiting struct {
	Records int            `json:"records"`
	Lines   map[string]int `json:"lines,omitempty"` // by RULE/PART
	Next    time.Time      `json:"next_release,omitzero"`
}

func (o *holding) waiting() waiting {
	lines, next := o.box.Waiting()
	w := waiting{Lines: lines, Next: next}
	for _, n := range lines {
		w.Records += n
	}
	return w
}

// outlive is ctx with its end put off by grace.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}
