package ledger

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/s2"
)

// Edits is a list of edits that many records have: it is encoded once, and packed once. It may be used concurrently.
type Edits struct {
	list  []Edit
	text  []byte // canonical encoding, from the comma before the member's name on
	once  sync.Once
	block []byte // text as the elements of a Snappy block
}

// ShareEdits makes a list for many records. Nobody may change it afterwards.
func ShareEdits(list []Edit) *Edits { return &Edits{list: list, text: appendEdits(nil, list)} }

// Share gives r the edits of e.
func (r *Record) Share(e *Edits) { r.Edits, r.Shared = e.list, e }

// sharedEdits is the shared list that r.Edits still is, or nil.
func (r *Record) sharedEdits() *Edits {
	if s := r.Shared; s != nil && len(s.list) > 0 && len(r.Edits) == len(s.list) && &r.Edits[0] == &s.list[0] {
		return s
	}
	return nil
}

// appendEdits appends the member "edits" and the comma before it, unless there are none.
func appendEdits(dst []byte, list []Edit) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(dst, `,"edits":[`...)
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = list[i].append(dst)
	}
	return append(dst, ']')
}

// packed is text as elements of a Snappy block. What they copy lies within text, so they may stand in any block.
func (e *Edits) packed() []byte {
	e.once.Do(func() {
		block := s2.EncodeSnappy(nil, e.text)
		_, n := binary.Uvarint(block) // the length of what comes out
		e.block = block[n:]
	})
	return e.block
}

// appendLiteral appends p to a Snappy block as it is (format_description.txt of Snappy, section 2.1).
func appendLiteral(dst, p []byte) []byte {
	switch n := len(p) - 1; {
	case n < 0:
		return dst
	case n < 60:
		dst = append(dst, byte(n)<<2)
	case n < 1<<8:
		dst = append(dst, 60<<2, byte(n))
	case n < 1<<16:
		dst = append(dst, 61<<2, byte(n), byte(n>>8))
	case n < 1<<24:
		dst = append(dst, 62<<2, byte(n), byte(n>>8), byte(n>>16))
	default:
		dst = append(dst, 63<<2, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return append(dst, p...)
}
