package transform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// Pseudonym writes a stand-in that is the same for equal values of one field, until it rotates (ISO/IEC 20889,
// pseudonymization). It keeps type, length and character classes. It is drawn by HMAC-SHA-256 under Env.Key from
// Env.Scope, the period and the value, so that two fields, two rules or two households never share stand-ins, and who
// lacks the key cannot try values. A value that is no string, number or bytes yields an error matching ErrKind; an Env
// without a key one matching ErrEnv. An empty string stays.
//
// What remains inferable: which records of one period are of the same device, and so its habits: a pseudonym is
// linkable and not anonymous. A short value has few stand-ins, and two values may share one.
type Pseudonym struct {
	hours int64 // of a period below a day, else 0
	days  int64
}

// NewPseudonym makes a Pseudonym that rotates at local midnight. rotate is a whole number of days, or of hours that
// divide a day; days are counted from Monday 1970-01-05, so that 7 days begin on Mondays.
func NewPseudonym(rotate time.Duration) (*Pseudonym, error) {
	const day = 24 * time.Hour
	switch {
	case rotate > 0 && rotate%day == 0:
		return &Pseudonym{days: int64(rotate / day)}, nil
	case rotate > 0 && rotate%time.Hour == 0 && day%rotate == 0:
		return &Pseudonym{hours: int64(rotate / time.Hour)}, nil
	}
	return nil, &Fault{"a pseudonym cannot rotate every " + rotate.String(), "write whole days, such as 24h or 7d, or hours that divide a day: 1h, 2h, 3h, 4h, 6h, 8h, 12h"}
}

// Name is "pseudonym".
func (t *Pseudonym) Name() string { return "pseudonym" }

// Detail is "a stand-in for 1 day".
func (t *Pseudonym) Detail() string {
	if t.hours > 0 {
		return "a stand-in for " + count(int(t.hours), "hour")
	}
	return "a stand-in for " + count(int(t.days), "day")
}

// mondayFirst moves day 0 to a Monday: 1970-01-01 was a Thursday.
const mondayFirst = 3

// period is the number of the period that at lies in.
func (t *Pseudonym) period(at time.Time) int64 {
	day := localDay(at)
	if t.hours > 0 {
		return day*24/t.hours + int64(at.Hour())/t.hours
	}
	p := (day + mondayFirst) / t.days
	if (day+mondayFirst)%t.days < 0 {
		p--
	}
	return p
}

// Apply draws the stand-in of the period of env.Now.
func (t *Pseudonym) Apply(in body.Value, env *Env) (body.Value, error) {
	if env == nil || len(env.Key) == 0 {
		return body.Value{}, &EnvError{"there is no key for pseudonyms"}
	}
	if in.Kind == body.String && in.Text == "" {
		return in, nil
	}
	mac := hmac.New(sha256.New, env.Key)
	var head [17]byte
	binary.BigEndian.PutUint64(head[0:], uint64(len(env.Scope)))
	binary.BigEndian.PutUint64(head[8:], uint64(t.period(env.Now.In(env.location()))))
	head[16] = in.Kind
	mac.Write(head[:])
	io.WriteString(mac, env.Scope)
	io.WriteString(mac, in.Text)
	return reshape(in, &stream{mac: hmac.New(sha256.New, mac.Sum(nil))})
}

// stream is HMAC-SHA-256 in counter mode (NIST SP 800-108) under a key that is used for it alone.
type stream struct {
	mac     hash.Hash
	counter uint64
	block   [sha256.Size]byte
	left    []byte
}

// Read never fails.
func (s *stream) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(s.left) == 0 {
			s.mac.Reset()
			binary.BigEndian.PutUint64(s.block[:8], s.counter)
			s.mac.Write(s.block[:8])
			s.left = s.mac.Sum(s.block[:0])
			s.counter++
		}
		copied := copy(p[n:], s.left)
		s.left = s.left[copied:]
		n += copied
	}
	return n, nil
}

// Random writes a value drawn from Env.Random, of the same type, length and character classes (ISO/IEC 20889,
// randomization). It is new for each value, or with a link the same for equal values of one record under one link
// name. A value that is no string, number or bytes yields an error matching ErrKind; an Env without a source of
// chance one matching ErrEnv. An empty string stays.
//
// What remains inferable: the shape, that is lengths and where separators stand, which is the same in each record.
// With a link, which fields of one record were equal. Nothing links two records.
type Random struct{ link string }

// NewRandom makes a Random; link is the name of the link, or "".
func NewRandom(link string) (*Random, error) { return &Random{link}, nil }

// Name is "random".
func (t *Random) Name() string { return "random" }

// Detail is "new for each record".
func (t *Random) Detail() string {
	if t.link == "" {
		return "new for each record"
	}
	return "new for each record, linked as " + strconv.Quote(t.link)
}

// Apply draws. With a link and env.Linked it first looks there, and adds to it.
func (t *Random) Apply(in body.Value, env *Env) (body.Value, error) {
	if env == nil || env.Random == nil {
		return body.Value{}, &EnvError{"there is no source of chance"}
	}
	if in.Kind == body.String && in.Text == "" {
		return in, nil
	}
	if t.link == "" || env.Linked == nil {
		return reshape(in, env.Random)
	}
	if out, ok := env.Linked[t.link][in.Text]; ok {
		if in.Kind == body.String || in.Kind == body.Bytes || numberClass(out) != "" {
			return written(in, out), nil
		}
	}
	out, err := reshape(in, env.Random)
	if err != nil {
		return body.Value{}, err
	}
	if env.Linked[t.link] == nil {
		env.Linked[t.link] = make(map[string]string)
	}
	env.Linked[t.link][in.Text] = out.Text
	return out, nil
}
