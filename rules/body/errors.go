package body

import (
	"errors"
	"strconv"
)

// The errors a caller acts on. Each is returned wrapped, with position and shape, never with contents.
var (
	// ErrTooLarge is returned by Plain and Decode for a body over Limits.MaxBytes or Limits.MaxNodes.
	ErrTooLarge = errors.New("body is too large")
	// ErrRatio is returned by Plain for a body that grows over Limits.MaxRatio times its coded size.
	ErrRatio = errors.New("content coding expands too much")
	// ErrCoding is returned by Plain for a content coding that is unknown, or content that is not in it.
	ErrCoding = errors.New("content coding cannot be undone")
	// ErrDepth is returned by Decode for a body nested over Limits.MaxDepth.
	ErrDepth = errors.New("body is nested too deeply")
	// ErrOpaque is returned by Decode for a body of no known form.
	ErrOpaque = errors.New("body has no known form")
	// ErrEmpty is returned by Decode and Open where there is nothing to decode.
	ErrEmpty = errors.New("body is empty")
)

// SyntaxError says where a body is not of the form it should have. It never holds contents.
type SyntaxError struct {
	Form   Form
	Offset int    // bytes from the start of the plain body
	Line   int    // from 1; 0 where lines mean nothing in the form
	What   string // shape: what was found or expected
}

// Error implements error.
func (e *SyntaxError) Error() string {
	s := "decoding body as " + string(e.Form) + ": " + e.What + " at byte " + strconv.Itoa(e.Offset)
	if e.Line > 0 {
		s += " (line " + strconv.Itoa(e.Line) + ")"
	}
	return s
}
