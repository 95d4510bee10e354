package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// recorded is m as it leaves, for its entry: the fields that net/http writes beside those of m among them, secrets masked. host is the Host field.
// The body is kept where withBody says so, its codings undone where that is possible.
func (p *Proxy) recorded(m *rules.Message, host string, body []byte, length int64, withBody bool) *ledger.Request {
	q := &ledger.Request{Method: m.Method, Target: m.Target(), Length: length}
	q.Header = make([]ledger.Field, 0, len(m.Header)+2)
	q.Header = append(q.Header, ledger.Field{Name: "Host", Value: host})
	for _, f := range m.Header {
		if f.Name != "Content-Length" && f.Name != "Host" {
			q.Header = append(q.Header, ledger.Field(f))
		}
	}
	if length > 0 || length == 0 && bodyMethod(m.Method) {
		q.Header = append(q.Header, ledger.Field{Name: "Content-Length", Value: strconv.FormatInt(length, 10)})
	}
	if withBody && len(body) > 0 {
		p.recordBody(q, m, body)
	}
	q.Mask()
	return q
}

// bodyMethod reports whether net/http announces even an empty body of method.
func bodyMethod(method string) bool { return method == "POST" || method == "PUT" || method == "PATCH" }

func (p *Proxy) recordBody(q *ledger.Request, m *rules.Message, body []byte) {
	sum := sha256.Sum256(body)
	q.Digest = hex.EncodeToString(sum[:])
	q.Body = body
	if p.cfg.Plain != nil {
		if plain, coding, err := p.cfg.Plain(m.Get("Content-Encoding"), body); err == nil {
			q.Body, q.Coding = plain, coding
		}
	}
	if most := p.cfg.Limits.RecordedBody; len(q.Body) > most {
		q.Body, q.Cut = q.Body[:most:most], true
	}
}

// kindNames are the words for body kinds in the ledger.
var kindNames = map[byte]string{'n': "null", 'f': "boolean", 't': "boolean", '0': "number", '"': "string", '{': "object", '[': "array", 'b': "bytes"}

func ledgerEdits(edits []rules.Edit) []ledger.Edit {
	if len(edits) == 0 {
		return nil
	}
	out := make([]ledger.Edit, len(edits))
	for i, e := range edits {
		out[i] = ledger.Edit{Part: e.Part, Selector: e.Selector, Transform: e.Transform, Detail: e.Detail, Type: kindNames[e.Kind],
			Shape: e.Shape, Count: e.Count, Error: e.Error, Listed: e.Listed, Removed: e.Unwritten}
	}
	return out
}

// sharedEdits are the edits of an outcome that has them in common with others.
func sharedEdits(o *rules.Outcome) *ledger.Edits {
	if e, ok := o.Told.Memo.Load().(*ledger.Edits); ok {
		return e
	}
	e := ledger.ShareEdits(ledgerEdits(o.Edits))
	o.Told.Memo.Store(e)
	return e
}

// withWord adds to a detail what the rule knew the message by: a word of the rule's own, never one of the message.
func withWord(detail string, w rules.Word) string {
	if w.Selector == "" {
		return detail
	}
	if detail != "" {
		detail += "; "
	}
	return detail + w.Selector + " is " + strconv.Quote(w.Text)
}
