package path

import "strconv"

// Proto is a compiled Protobuf selector: field numbers from the message down, as in 1.2[0].3. It is immutable and
// may be used concurrently.
//
// A step selects every occurrence of its field, or with [n] the one at n, from 0, counted among the occurrences in
// the same message in wire order; a negative n counts from the last. There is no schema: a length-delimited
// field is a message where a selector goes through it and its bytes can be read so.
type Proto struct {
	src   string
	steps []protoStep
}

type protoStep struct {
	field string // the number in decimal, which is the member name in the tree
	index int
	one   bool
}

// maxField is the largest field number (Protocol Buffers, encoding: 29 bits).
const maxField = 1<<29 - 1

// ParseProto compiles the text after "proto:". Its error is a *SyntaxError.
func ParseProto(src string) (*Proto, error) {
	if len(src) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, What: "longer than " + strconv.Itoa(MaxLength) + " bytes"}
	}
	q := &Proto{src: src}
	p := &parser{src: src}
	for {
		step, err := p.protoStep()
		if err != nil {
			return nil, err
		}
		q.steps = append(q.steps, step)
		if p.pos == len(src) {
			return q, nil
		}
		if !p.accept('.') {
			return nil, p.fault("expected . or [ or the end")
		}
	}
}

func (p *parser) protoStep() (protoStep, error) {
	start := p.pos
	for digit(p.peek()) {
		p.pos++
	}
	field := p.src[start:p.pos]
	if n, err := strconv.Atoi(field); err != nil || n < 1 || n > maxField || field[0] == '0' {
		return protoStep{}, p.faultAt(start, "expected a field number, 1 to 536870911")
	}
	step := protoStep{field: field}
	if !p.accept('[') {
		return step, nil
	}
	at := p.pos
	n, err := p.integer()
	if err != nil {
		return step, err
	}
	if n > maxArray || n < -maxArray {
		return step, p.faultAt(at, "no message has so many occurrences of a field")
	}
	if !p.accept(']') {
		return step, p.fault("expected ]")
	}
	step.index, step.one = int(n), true
	return step, nil
}

// String is the selector as written, without "proto:".
func (q *Proto) String() string { return q.src }

// Select appends to dst the fields found below the message at root, in wire order.
func (q *Proto) Select(dst []int32, t Tree, root int32) []int32 {
	return selectFields(dst, t, q.steps, root)
}

func selectFields(dst []int32, t Tree, steps []protoStep, n int32) []int32 {
	if len(steps) == 0 {
		return append(dst, n)
	}
	step := &steps[0]
	index := step.index
	if step.one && index < 0 {
		for c := t.First(n); c >= 0; c = t.Next(c) {
			if t.Name(c) == step.field {
				index++
			}
		}
	}
	for c := t.First(n); c >= 0; c = t.Next(c) {
		if t.Name(c) != step.field {
			continue
		}
		if !step.one {
			dst = selectFields(dst, t, steps[1:], c)
			continue
		}
		if index == 0 {
			return selectFields(dst, t, steps[1:], c)
		}
		index--
	}
	return dst
}
