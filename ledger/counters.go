package ledger

import (
	"encoding/json"
	"slices"
)

// Counters count received requests (tunnels: connections). Seen is always the sum of the seven after it.
type Counters struct {
	Seen        int64 `json:"seen"`
	Passed      int64 `json:"passed"`
	Generalized int64 `json:"generalized"`
	Dropped     int64 `json:"dropped"`
	Held        int64 `json:"held"`
	Refused     int64 `json:"refused"`
	Tunnelled   int64 `json:"tunnelled"`
	Failed      int64 `json:"failed"`
	Lost        int64 `json:"lost"`    // posted records that found the queue full
	Records     int64 `json:"records"` // ever written by this node
}

// class is what a received request counts as: exactly one of these at any time.
type class byte

const (
	none class = iota
	passed
	generalized
	dropped
	held
	refused
	failed
)

// classOf says what a record with this verdict counts as.
func classOf(verdict string) class {
	switch verdict {
	case "pass":
		return passed
	case "generalize":
		return generalized
	case "drop":
		return dropped
	case "hold":
		return held
	case "refuse":
		return refused
	case "failed":
		return failed
	}
	return none
}

// of returns the counter of c, nil for none.
func (n *Counters) of(c class) *int64 {
	switch c {
	case passed:
		return &n.Passed
	case generalized:
		return &n.Generalized
	case dropped:
		return &n.Dropped
	case held:
		return &n.Held
	case refused:
		return &n.Refused
	case failed:
		return &n.Failed
	}
	return nil
}

func (n *Counters) move(from, to class) {
	if p := n.of(from); p != nil {
		*p--
	}
	if p := n.of(to); p != nil {
		*p++
	}
	n.Seen = n.Passed + n.Generalized + n.Dropped + n.Held + n.Refused + n.Tunnelled + n.Failed
}

// flow is what the ledger remembers of an exchange until it has ended.
type flow struct {
	class class
	open  int64 // parts held
	left  bool  // a held part left
	came  bool  // a part came to its origin
	holds []part
	sent  []part // without a result yet
}

type part struct {
	name string
	seq  int64
}

// maxFlows bounds the exchanges that are remembered beside held ones. A flow that is forgotten early costs its
// result the link to its sent record where the proxy gave no RefSeq.
const maxFlows = 16384

// tally counts requests as their records are written. A commit works on changes and then keeps or forgets them.
type tally struct {
	counters Counters
	flows    map[string]flow
	order    []string // keys of flows, oldest first, some gone already
	crowded  int      // length of order at which to look for flows to forget

	next    Counters        // after the commit under way
	changes map[string]flow // zero flow: forgotten
}

func newTally() *tally {
	return &tally{flows: map[string]flow{}, changes: map[string]flow{}, crowded: 2 * maxFlows}
}

// load takes up the state of a former run.
func (t *tally) load(state []byte) error {
	if len(state) == 0 {
		return nil
	}
	return json.Unmarshal(state, &t.counters)
}

// begin starts a commit, abandoning the one before unless it was kept.
func (t *tally) begin() {
	t.next = t.counters
	clear(t.changes)
}

// keep makes what was added since begin lasting.
func (t *tally) keep() {
	t.counters = t.next
	for id, f := range t.changes {
		if f.over() {
			delete(t.flows, id)
			continue
		}
		if _, known := t.flows[id]; !known {
			t.order = append(t.order, id)
		}
		t.flows[id] = f
	}
	t.forget()
}

func (f *flow) over() bool { return f.open == 0 && len(f.sent) == 0 }

// forget lets go of the oldest flows beyond maxFlows. Held ones stay: the outbox bounds their number.
func (t *tally) forget() {
	if len(t.order) < t.crowded {
		return
	}
	kept := make([]string, 0, len(t.order))
	excess := len(t.flows) - maxFlows
	for _, id := range t.order {
		f, known := t.flows[id]
		if known && f.open == 0 && excess > 0 {
			delete(t.flows, id)
			excess--
			continue
		}
		if known {
			kept = append(kept, id)
		}
	}
	t.order = kept
	t.crowded = len(kept) + maxFlows
}

func (t *tally) flow(id string) flow {
	if f, changed := t.changes[id]; changed {
		return f
	}
	return t.flows[id]
}

// add counts r, which will be record seq, and fills in its RefSeq where its flow knows it.
func (t *tally) add(r *Record, seq int64) {
	t.next.Records++
	if r.Type == Tunnel {
		t.next.Tunnelled += r.Count
		t.next.move(none, none)
		return
	}
	if r.Flow == "" {
		if r.Type != Result {
			t.next.move(none, classOf(r.Verdict))
		}
		return
	}
	f := t.flow(r.Flow)
	switch {
	case r.Type == Result:
		t.result(&f, r)
	case r.Type == Kept && r.Verdict == "hold":
		f.left = f.left || f.class == generalized // another part of it has left at once
		t.next.move(f.class, held)
		f.class = held
		f.open += max(1, r.Count)
		f.holds = append(f.holds[:len(f.holds):len(f.holds)], part{r.Part, seq})
	case f.endsHold(r):
		t.endHold(&f, r)
	case f.open > 0:
		f.left = f.left || r.Type == Sent // a part that nothing held back
	case f.class == none, f.class == dropped && r.Type == Sent: // one part was dropped, another leaves
		t.next.move(f.class, classOf(r.Verdict))
		f.class = classOf(r.Verdict)
	}
	if r.Type == Sent {
		f.sent = append(f.sent[:len(f.sent):len(f.sent)], part{r.Part, seq})
	}
	t.changes[r.Flow] = f
}

// endsHold says whether r is what came of a held part: it names the held record, or the part, or the held record
// stands for all parts.
func (f *flow) endsHold(r *Record) bool {
	if f.open == 0 || (r.Type != Sent && r.Type != Kept) {
		return false
	}
	for _, h := range f.holds {
		if h.seq == r.RefSeq || h.name == r.Part || h.name == "" {
			return true
		}
	}
	return false
}

// endHold notes that a held part left (sent) or will not (kept). With the last the request counts as what came of it.
func (t *tally) endHold(f *flow, r *Record) {
	if r.RefSeq == 0 {
		r.RefSeq = find(f.holds, r.Part)
	}
	f.open--
	f.left = f.left || r.Type == Sent
	if f.open > 0 {
		return
	}
	end := dropped
	if f.left {
		end = generalized
	}
	t.next.move(f.class, end)
	f.class = end
}

func (t *tally) result(f *flow, r *Record) {
	if r.RefSeq == 0 {
		r.RefSeq = find(f.sent, r.Part)
	}
	for i := range f.sent {
		if f.sent[i].seq == r.RefSeq {
			f.sent = append(f.sent[:i:i], f.sent[i+1:]...)
			break
		}
	}
	// A request that was held was counted when its last part left; that the origin then did not answer is in the result.
	f.came = f.came || r.Verdict != "failed"
	if !f.came && !f.left && f.class != none && f.open == 0 && len(f.sent) == 0 {
		t.next.move(f.class, failed)
		f.class = failed
	}
}

// find returns the record of the part called name, or else the first.
func find(parts []part, name string) int64 {
	for _, p := range parts {
		if p.name == name {
			return p.seq
		}
	}
	if len(parts) > 0 {
		return parts[0].seq
	}
	return 0
}

// restoreHold takes up a held record of a former run, less the parts that have ended since.
func (t *tally) restoreHold(r *Record, ended []Row) {
	f, known := t.flows[r.Flow]
	f.class = held
	if open := max(1, r.Count) - int64(len(ended)); open > 0 {
		f.open += open
		f.holds = append(f.holds, part{r.Part, r.Seq})
	}
	for i := range ended {
		f.left = f.left || ended[i].Key.Type == Sent
	}
	if !known {
		t.order = append(t.order, r.Flow)
	}
	t.flows[r.Flow] = f
}

// restored forgets the flows of a former run of which every held part has ended.
func (t *tally) restored() {
	t.order = slices.DeleteFunc(t.order, func(id string) bool {
		f := t.flows[id]
		if f.over() {
			delete(t.flows, id)
			return true
		}
		return false
	})
}

func (t *tally) state() []byte {
	n := t.next
	n.Lost = 0
	state, err := json.Marshal(&n)
	if err != nil {
		panic("ledger: counters do not encode") // integers always do
	}
	return state
}
