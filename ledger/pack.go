package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// A rest that is long is kept packed: a byte 1, then a Snappy block. Two or three records then share a page of the
// file, which saves more time than packing takes. What is not packed begins with a comma or is empty.
const (
	packedMark = 1
	packFrom   = 1024     // bytes: shorter ones stay as they are
	maxRest    = 64 << 20 // bytes of what may come out of a block
)

// pack returns the whole rest as the file keeps it, in dst where it has room. Shared edits were packed before: what is
// beside them is put around them as it is.
func (row *Row) pack(dst []byte) []byte {
	if row.shared == nil {
		return pack(dst, row.Rest)
	}
	if row.wholeLen() < packFrom {
		return row.Whole()
	}
	dst = append(dst[:0], packedMark)
	dst = binary.AppendUvarint(dst, uint64(row.wholeLen()))
	dst = appendLiteral(dst, row.Rest[:row.at])
	dst = append(dst, row.shared.packed()...)
	return appendLiteral(dst, row.Rest[row.at:])
}

// pack returns rest as the file keeps it, in dst where it has room.
func pack(dst, rest []byte) []byte {
	if len(rest) < packFrom {
		return rest
	}
	need := 1 + s2.MaxEncodedLen(len(rest))
	if cap(dst) < need {
		dst = make([]byte, need)
	}
	dst = dst[:need]
	dst[0] = packedMark
	return dst[:1+len(s2.EncodeSnappy(dst[1:], rest))]
}

// unpack undoes pack. What is no block comes back as it is, with an error: its hash will not hold.
func unpack(kept []byte) ([]byte, error) {
	if len(kept) == 0 || kept[0] != packedMark {
		return kept, nil
	}
	n, err := s2.DecodedLen(kept[1:])
	if err != nil || n > maxRest {
		return kept, fmt.Errorf("a packed record of %d bytes has no length that can be", len(kept))
	}
	rest, err := s2.Decode(nil, kept[1:])
	if err != nil {
		return kept, fmt.Errorf("a packed record of %d bytes cannot be opened", len(kept))
	}
	return rest, nil
}
