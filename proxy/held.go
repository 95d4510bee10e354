package proxy

import (
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// SentRecord is the record of a held part that is about to leave, as the ledger wants it before its first byte does:
// append it, then call Deliver with it. f is the flow it came in by; after a restart one made anew from what was kept.
func (p *Proxy) SentRecord(f *Flow, out *rules.Out, edits []rules.Edit) *ledger.Record {
	m := &out.Message
	rec := p.newRecord(ledger.Sent, f, &m.To)
	rec.Part, rec.Verdict, rec.Edits = out.Part, string(rules.Generalize), ledgerEdits(edits)
	rec.Request = p.recorded(m, m.To.Authority(), m.Body, int64(len(m.Body)), true)
	return rec
}
