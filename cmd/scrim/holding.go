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
	"github.com/scrimproxy/scrim/rules/body"
)

// holding joins the proxy, which holds parts back, the outbox, which lets them leave on schedule, and the
// ledger, which knows of both.
type holding struct {
	box    *outbox.Box
	ledger *ledger.Ledger
	proxy  *proxy.Proxy // set before the box runs

	mu    sync.Mutex // guards flows
	flows map[string]*heldFlow
}

// heldFlow is a request of this run of which parts wait. What an earlier run held is in the ledger's counters alone.
type heldFlow struct {
	waiting int
	left    bool // a part of it has left
}

// openHolding opens the queue in the state directory.
func openHolding(cfg *config, book *ledger.Ledger, log *slog.Logger) (*holding, error) {
	h := &holding{ledger: book, flows: map[string]*heldFlow{}}
	box, unknown, err := outbox.Open(outbox.Config{Dir: cfg.stateDir(), Send: h.send, Expired: h.expired, Log: log})
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	h.box = box
	for i := range unknown {
		rec := h.record(ledger.Kept, &unknown[i])
		rec.Verdict, rec.Reason, rec.Detail = string(rules.Drop), "unknown", "scrim stopped while this part was leaving; it may have left, and is not sent again"
		book.Post(rec)
	}
	return h, nil
}

// hold takes parts over from the proxy.
func (h *holding) hold(_ context.Context, held []proxy.Held) error {
	items := make([]outbox.Item, len(held))
	for i, part := range held {
		items[i] = outbox.Item{
			Added: part.Out.Message.Time, Flow: part.Flow.ID, Door: part.Flow.Door, Client: part.Flow.Client.String(),
			Product: part.Record.Product, Kind: part.Record.Kind, Rule: part.Record.Rule, Part: part.Out.Part,
			Release: *part.Out.Release, Message: part.Out.Message, Edits: editsOf(part.Record.Edits, part.Out.Part),
		}
		if items[i].Added.IsZero() {
			items[i].Added = time.Now()
		}
	}
	h.mu.Lock()
	for i := range items {
		flow := h.flows[items[i].Flow]
		if flow == nil {
			flow = &heldFlow{}
			h.flows[items[i].Flow] = flow
		}
		flow.waiting++
	}
	h.mu.Unlock()
	if err := h.box.Add(items...); err != nil {
		h.mu.Lock()
		delete(h.flows, items[0].Flow)
		h.mu.Unlock()
		return err
	}
	return nil
}

// editsOf are the edits of one part, in the words of the rules again.
func editsOf(edits []ledger.Edit, part string) []rules.Edit {
	var out []rules.Edit
	for _, e := range edits {
		if e.Part == "" || e.Part == part {
			out = append(out, rules.Edit{
				Part: e.Part, Selector: e.Selector, Transform: e.Transform, Detail: e.Detail, Kind: kindOf(e.Type), Shape: e.Shape,
				Count: e.Count, Error: e.Error, Listed: e.Listed, Unwritten: e.Removed,
			})
		}
	}
	return out
}

// kindOf is the kind that typeName calls name.
func kindOf(name string) body.Kind {
	for _, kind := range []body.Kind{body.Null, body.True, body.Number, body.String, body.Object, body.Array, body.Bytes} {
		if typeName(kind) == name {
			return kind
		}
	}
	return 0
}

// send lets one part leave: the entry first, then the bytes.
func (h *holding) send(ctx context.Context, it outbox.Item) error {
	flow := flowOf(&it)
	out := &rules.Out{Part: it.Part, Message: it.Message}
	rec := h.proxy.SentRecord(flow, out, it.Edits)
	rec.Kind, rec.Rule, rec.Reason = it.Kind, it.Rule, "release"
	if err := h.ledger.Append(ctx, rec); err != nil {
		return fmt.Errorf("%w: %w", outbox.ErrNotSent, err)
	}
	h.settle(it.Flow, true)
	if !h.proxy.Deliver(ctx, flow, out, rec) {
		return errors.New("the origin did not answer")
	}
	return nil
}

// expired enters that a part was too old to leave.
func (h *holding) expired(it outbox.Item) {
	rec := h.record(ledger.Kept, &it)
	rec.Verdict, rec.Reason = string(rules.Drop), "expired"
	h.ledger.Post(rec)
	h.settle(it.Flow, false)
}

// settle notes that a part of a flow no longer waits; with the last, the proxy counts the request anew.
func (h *holding) settle(id string, left bool) {
	h.mu.Lock()
	flow := h.flows[id]
	if flow == nil {
		h.mu.Unlock()
		return
	}
	flow.waiting--
	flow.left = flow.left || left
	last := flow.waiting == 0
	if last {
		delete(h.flows, id)
	}
	h.mu.Unlock()
	if !last {
		return
	}
	verdict := rules.Drop
	if flow.left {
		verdict = rules.Generalize
	}
	h.proxy.Settle(verdict)
}

// record is the start of a record about an item.
func (h *holding) record(t ledger.Type, it *outbox.Item) *ledger.Record {
	to := it.Message.To
	return &ledger.Record{
		Time: time.Now(), Type: t, Flow: it.Flow, Door: it.Door, Client: it.Client, Scheme: to.Scheme, Host: to.Host, Port: to.Port,
		Product: it.Product, Kind: it.Kind, Rule: it.Rule, Part: it.Part,
	}
}

// flowOf makes the flow of an item anew.
func flowOf(it *outbox.Item) *proxy.Flow {
	client, _ := netip.ParseAddr(it.Client) // written by hold
	return &proxy.Flow{
		ID: it.Flow, Door: it.Door, Client: client, ClientName: it.Message.ClientName, Start: it.Added, To: it.Message.To,
		Gate: rules.Gate{Answer: rules.Intercept, Product: it.Product},
	}
}
