package transform

import "github.com/scrimproxy/scrim/rules/body"

// Frame stands at the height of a picture and writes the height of the smallest standard frame that holds it, in
// pixels: 576 (720 x 576), 1080 (1920 x 1080), or 2160 for all that is larger (ISO/IEC 20889, generalization). A width
// that is missing (Kind 0) or null leaves the choice to the height. A height or width that is no number yields
// an error matching ErrKind, one that is not positive an error matching ErrRange.
//
// What remains inferable: the class of three. Together with a bit rate or a length it can single out a file.
type Frame struct{}

// NewFrame makes a Frame.
func NewFrame() *Frame { return &Frame{} }

// Name is "frame".
func (t *Frame) Name() string { return "frame" }

// Detail is "to one of 3 standard heights".
func (t *Frame) Detail() string { return "to one of 3 standard heights" }

// Apply knows the height alone.
func (t *Frame) Apply(in body.Value, _ *Env) (body.Value, error) {
	return t.ApplyWidth(in, body.Value{})
}

// ApplyWidth gives what is written for height, beside a width as received.
func (t *Frame) ApplyWidth(height, width body.Value) (body.Value, error) {
	f, err := frameOf(width, height)
	if err != nil {
		return body.Value{}, err
	}
	return written(height, f.text), nil
}

// FrameClass is the class of a table for by: {frame: [WIDTH, HEIGHT]}: "sd", "hd" or "uhd"; "" where either is
// missing (Kind 0) or null. Its errors are those of Frame.
func FrameClass(width, height body.Value) (string, error) {
	if missing(width) || missing(height) {
		return "", nil
	}
	f, err := frameOf(width, height)
	return f.class, err
}

func missing(v body.Value) bool { return v.Kind == 0 || v.Kind == body.Null }

type frame struct {
	class, text   string
	width, height int64
}

func frameOf(width, height body.Value) (frame, error) {
	h, err := pixels(height)
	if err != nil {
		return frame{}, err
	}
	var w number
	if !missing(width) {
		if w, err = pixels(width); err != nil {
			return frame{}, err
		}
	}
	for _, f := range [...]frame{{"sd", "576", 720, 576}, {"hd", "1080", 1920, 1080}} {
		wide, high := bound{ceil: f.width, exact: true}, bound{ceil: f.height, exact: true}
		if w.big == nil && h.big == nil && !w.above(&wide) && !h.above(&high) {
			return f, nil
		}
	}
	return frame{class: "uhd", text: "2160"}, nil
}

// pixels reads a positive number. One with so many digits that it is big counts as larger than any frame.
func pixels(v body.Value) (number, error) {
	n, err := readNumber(v)
	if err == nil && n.sign() <= 0 {
		err = &RangeError{"the picture has no size"}
	}
	return n, err
}
