package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Report is what Verify found. Good says that every chain is whole from its start.
type Report struct {
	Good   bool          `json:"good"`
	Chains []ChainReport `json:"chains"`
}

// ChainReport is about the chain of one node.
type ChainReport struct {
	Node    string    `json:"node"`
	From    int64     `json:"from"` // the oldest entry present; 0 where there is none
	Since   time.Time `json:"since"`
	To      int64     `json:"to"`            // the newest entry that verifies
	Head    string    `json:"head"`          // hash of entry To, hex: note it elsewhere, and nobody can rewrite what is before it unseen
	Removed int64     `json:"removed"`       // entries that retention removed, by the anchor
	Bad     int64     `json:"bad,omitempty"` // the first entry that does not verify
	Fault   string    `json:"fault,omitempty"`
}

// Verify walks the chain of every node and stops in each at the first entry that does not verify. A store that
// cannot be read on is a fault of the chain as well. The error is of the asking: a context that ended.
func (r *Reader) Verify(ctx context.Context) (Report, error) {
	tails, err := r.store.Nodes(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("reading the ends of the chains: %w", err)
	}
	report := Report{Good: true, Chains: make([]ChainReport, 0, len(tails))}
	for _, tail := range tails {
		v := verifier{store: r.store, report: ChainReport{Node: tail.Node}}
		err := v.walk(ctx, tail)
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if err != nil {
			v.fault(v.expect, fmt.Sprintf("cannot be read: %v", err))
		}
		report.Good = report.Good && v.report.Fault == ""
		report.Chains = append(report.Chains, v.report)
	}
	return report, nil
}

// verifier walks one chain.
type verifier struct {
	store   Store
	report  ChainReport
	expect  int64    // the next record
	prev    [32]byte // its predecessor's hash
	scratch []byte
}

// fault notes the first entry that does not verify.
func (v *verifier) fault(seq int64, what string) {
	v.report.Bad = seq
	switch {
	case v.report.To > 0:
		v.report.Fault = fmt.Sprintf("entry %d: %s; entries up to %d verify", seq, what, v.report.To)
	default:
		v.report.Fault = fmt.Sprintf("entry %d: %s; no entry before it verifies", seq, what)
	}
}

func (v *verifier) walk(ctx context.Context, tail Tail) error {
	if err := v.begin(ctx); err != nil {
		return err
	}
	q := Scan{Node: v.report.Node, Bodies: true}
	for more := true; more; {
		rows, next, again, err := v.store.Scan(ctx, q)
		if err != nil {
			return err
		}
		for i := range rows {
			if what := v.check(ctx, &rows[i]); what != "" {
				v.fault(rows[i].Seq, what)
				return nil
			}
		}
		more = again
		q.advance(next)
	}
	// The walk read up to the end as it was then; the note of the end was taken before it.
	if v.report.To < tail.Last {
		v.fault(v.report.To+1, fmt.Sprintf("missing, as are all up to %d, which the ledger once held", tail.Last))
	}
	return nil
}

// begin finds from where the chain must be whole: entry 1, or the one after the newest anchor's.
func (v *verifier) begin(ctx context.Context) error {
	v.expect, v.prev = 1, [32]byte{}
	q := Scan{Node: v.report.Node, Desc: true, Limit: 1, Match: func(k *Key) bool { return k.Type == Anchor }}
	for more := true; more; {
		rows, next, again, err := v.store.Scan(ctx, q)
		if err != nil {
			return err
		}
		for i := range rows {
			anchor, err := rows[i].record()
			if err != nil {
				return err
			}
			hash, err := hex.DecodeString(anchor.Anchor)
			if err != nil || len(hash) != len(v.prev) || anchor.RefSeq == 0 {
				continue // an anchor of a new beginning, or one that the walk will find wanting
			}
			v.expect, v.prev = anchor.RefSeq+1, [32]byte(hash)
			v.report.Removed = anchor.RefSeq
			return nil
		}
		more = again
		q.advance(next)
	}
	return nil
}

// check verifies row after what came before it, and says what is wrong.
func (v *verifier) check(ctx context.Context, row *Row) string {
	if v.report.From == 0 || row.Seq != v.expect {
		if what := v.gap(ctx, row); what != "" {
			return what
		}
	}
	var hash [32]byte
	hash, v.scratch = row.hashAfter(&v.prev, v.scratch)
	if hash != row.Hash {
		return v.why(row)
	}
	if headMember(row.Whole()) {
		return "what it is filed under was moved out of sight"
	}
	if what := checkBody(row); what != "" {
		return what
	}
	v.prev, v.report.To, v.expect = hash, row.Seq, row.Seq+1
	v.report.Head = hex.EncodeToString(hash[:])
	if v.report.From == 0 {
		v.report.From, v.report.Since = row.Seq, time.Unix(0, row.Time).UTC()
	}
	return ""
}

// gap explains a row that is not the next one. Retention may have removed entries during the walk: then a newer
// anchor says so.
func (v *verifier) gap(ctx context.Context, row *Row) string {
	if row.Seq > v.expect {
		expect, prev, removed := v.expect, v.prev, v.report.Removed
		if err := v.begin(ctx); err != nil {
			return fmt.Sprintf("its anchor cannot be read: %v", err)
		}
		if v.expect < expect {
			v.expect, v.prev, v.report.Removed = expect, prev, removed
		}
	}
	switch {
	case row.Seq == v.expect:
		v.report.From, v.report.Since = row.Seq, time.Unix(0, row.Time).UTC()
		return ""
	case row.Seq < v.expect:
		return fmt.Sprintf("is out of order: entry %d was to come", v.expect)
	case row.Seq == v.expect+1:
		return fmt.Sprintf("entry %d before it is missing", v.expect)
	}
	return fmt.Sprintf("entries %d to %d before it are missing", v.expect, row.Seq-1)
}

// why says whether the row was changed, or the chain before it.
func (v *verifier) why(row *Row) string {
	if v.report.To == 0 && v.report.Removed == 0 {
		return "its content does not have its hash"
	}
	return fmt.Sprintf("hash does not continue from entry %d", row.Seq-1)
}

// headMember says whether rest begins with a member that belongs to the columns before it: the canonical encoding
// would be the same, and filters would not find the record.
func headMember(rest []byte) bool {
	for _, name := range [...]string{"type", "door", "client", "scheme", "host", "port", "product", "kind", "rule", "part", "verdict", "ref"} {
		if bytes.HasPrefix(rest, []byte(`,"`+name+`":`)) {
			return true
		}
	}
	return false
}

// checkBody holds a body against the digest that the chain covers.
func checkBody(row *Row) string {
	var rec struct {
		Request *struct {
			Digest string `json:"body_sha256"`
		} `json:"request"`
	}
	if len(row.Body) == 0 && len(row.Rest) == 0 {
		return ""
	}
	if err := json.Unmarshal(append(append([]byte(`{"":0`), row.Whole()...), '}'), &rec); err != nil {
		return fmt.Sprintf("cannot be decoded: %v", err)
	}
	want := ""
	if rec.Request != nil {
		want = rec.Request.Digest
	}
	got := ""
	if len(row.Body) > 0 {
		sum := sha256.Sum256(row.Body)
		got = hex.EncodeToString(sum[:])
	}
	if got != want {
		return "its body does not have its digest"
	}
	return ""
}

// tailRows is how many records Open verifies.
const tailRows = 256

// verifyTail verifies the newest records, and returns what is wrong with them.
func (l *Ledger) verifyTail(ctx context.Context, tail Tail) string {
	if tail.Last == 0 {
		return ""
	}
	rows, _, _, err := l.store.Scan(ctx, Scan{Node: tail.Node, Desc: true, Limit: tailRows, Bodies: true})
	if err != nil {
		return fmt.Sprintf("the end of the ledger cannot be read: %v", err)
	}
	if len(rows) == 0 || rows[0].Seq != tail.Last {
		return fmt.Sprintf("the ledger's newest entry, %d, is missing", tail.Last)
	}
	v := verifier{store: l.store, report: ChainReport{Node: tail.Node}}
	oldest := &rows[len(rows)-1]
	v.expect, v.prev, v.report.From = oldest.Seq, oldest.Prev, oldest.Seq
	if oldest.Prev == ([32]byte{}) && oldest.Seq != 1 {
		if err := v.begin(ctx); err != nil {
			return fmt.Sprintf("the anchor of the ledger cannot be read: %v", err)
		}
	}
	for i := len(rows) - 1; i >= 0; i-- {
		if what := v.check(ctx, &rows[i]); what != "" {
			return fmt.Sprintf("ledger: entry %d: %s", rows[i].Seq, what)
		}
	}
	return ""
}
