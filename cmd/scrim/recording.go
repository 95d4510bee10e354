package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The formats of recordings.
const (
	formatHAR    = "har"    // HTTP Archive 1.2
	formatNDJSON = "ndjson" // one {"time", "method", "url", "headers", "body"} a line
)

// maxEntryBytes bounds one line of NDJSON. (A HAR's entries are bounded by memory alone.)
const maxEntryBytes = 64 << 20

// recording reads the entries of a HAR or NDJSON file one by one, so that its size does not matter.
type recording struct {
	name   string // as shown in messages
	format string
	lines  *bufio.Scanner    // of NDJSON
	json   *jsontext.Decoder // of a HAR, inside log.entries
	index  int
}

// open opens a file for reading; "-" is standard input.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %s", name, cause(err))
	}
	return f, nil
}

// openRecording finds the format by the name, else by the first member of the first object.
func openRecording(name string, in io.Reader) (*recording, error) {
	r := &recording{name: name}
	if name == "-" {
		r.name = "standard input"
	}
	buffered := bufio.NewReaderSize(in, 256<<10)
	switch strings.ToLower(filepath.Ext(name)) {
	case ".har":
		r.format = formatHAR
	case ".ndjson", ".jsonl":
		r.format = formatNDJSON
	default:
		start, _ := buffered.Peek(64 << 10) // a short file is no error here
		r.format = formatOf(start)
	}
	if r.format == formatHAR {
		r.json = jsontext.NewDecoder(skipBOM(buffered), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		return r, r.findEntries()
	}
	r.lines = bufio.NewScanner(skipBOM(buffered))
	r.lines.Buffer(make([]byte, 64<<10), maxEntryBytes)
	return r, nil
}

// formatOf tells a HAR by its only member, log.
func formatOf(start []byte) string {
	dec := jsontext.NewDecoder(bytes.NewReader(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return formatNDJSON
	}
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '"' || tok.String() != "log" {
		return formatNDJSON
	}
	return formatHAR
}

// skipBOM drops a byte order mark, which some tools write before JSON.
func skipBOM(r *bufio.Reader) io.Reader {
	if start, err := r.Peek(3); err == nil && string(start) == "\xef\xbb\xbf" {
		r.Discard(3)
	}
	return r
}

var errNoEntries = errors.New("there is no log.entries in it")

// findEntries walks to the first entry.
func (r *recording) findEntries() error {
	for _, member := range []string{"log", "entries"} {
		if err := r.enter(member); err != nil {
			return r.notHAR(err)
		}
	}
	if tok, err := r.json.ReadToken(); err != nil {
		return r.notHAR(err)
	} else if tok.Kind() != '[' {
		return r.notHAR(errors.New("log.entries is not a list"))
	}
	return nil
}

// enter reads into an object up to the value of a member.
func (r *recording) enter(member string) error {
	tok, err := r.json.ReadToken()
	if err == io.EOF {
		return errors.New("it is empty")
	}
	if err != nil {
		return err
	}
	if tok.Kind() != '{' {
		return errNoEntries
	}
	for {
		tok, err := r.json.ReadToken()
		if err != nil {
			return err
		}
		if tok.Kind() == '}' {
			return errNoEntries
		}
		if tok.String() == member {
			return nil
		}
		if err := r.json.SkipValue(); err != nil {
			return err
		}
	}
}

func (r *recording) notHAR(err error) error {
	return hinted(fmt.Errorf("%s is not a HAR: %w", r.name, r.position(err)), `a HAR is {"log": {"entries": […]}}; NDJSON has one request a line, in a file named .ndjson or on standard input`)
}

// position says where JSON is broken, without a word of what stands there.
func (r *recording) position(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("it ends early, at byte %d", r.json.InputOffset())
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d", syntax.ByteOffset)
	}
	return err
}

// entry is one entry as it was recorded.
type entry struct {
	index  int // from 1: of the entry in a HAR, of the line in NDJSON
	format string
	raw    []byte
}

// next reads one entry. It returns io.EOF after the last.
func (r *recording) next() (*entry, error) {
	if r.format == formatHAR {
		return r.nextHAR()
	}
	for r.lines.Scan() {
		r.index++
		if line := bytes.TrimSpace(r.lines.Bytes()); len(line) > 0 {
			return &entry{r.index, r.format, bytes.Clone(line)}, nil
		}
	}
	if err := r.lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", r.name, r.index+1, err)
	}
	return nil, io.EOF
}

func (r *recording) nextHAR() (*entry, error) {
	if r.json.PeekKind() == ']' {
		return nil, r.endHAR()
	}
	raw, err := r.json.ReadValue()
	if err != nil {
		return nil, fmt.Errorf("%s: entry %d: %w", r.name, r.index+1, r.position(err))
	}
	r.index++
	return &entry{r.index, r.format, bytes.Clone(raw)}, nil
}

// endHAR reads what is left, so that a file that was cut off is noticed.
func (r *recording) endHAR() error {
	for {
		_, err := r.json.ReadToken()
		if err == io.EOF && r.json.StackDepth() == 0 {
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("%s: after the last entry: %w", r.name, r.position(err))
		}
	}
}
