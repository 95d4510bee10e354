package outbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// journalName is the file of the queue in the state directory: one JSON document a line, appended, 0600.
const journalName = "outbox.journal"

// maxLine bounds one line of the journal: a record's body is at most that of a telemetry request.
const maxLine = 64 << 20

// step is one line of the journal. What is added and neither done nor gone waits; what is marked and not done when
// the journal is opened had perhaps begun to leave, and never leaves again.
type step struct {
	Op   string    `json:"op"` // add, mark, back, done, slot
	ID   string    `json:"id,omitempty"`
	Item *Item     `json:"item,omitempty"`
	Slot time.Time `json:"slot,omitzero"`
}

// journal is the queue on disk.
type journal struct {
	dir  string
	file *os.File
	size int64 // bytes of whole lines in the file
}

// state is what a journal says.
type state struct {
	waiting []Item
	marked  []Item
	slot    time.Time // of the last release
	torn    int       // lines that could not be read; the last one is usual after a power cut
}

// openJournal reads the journal in dir and rewrites it to what still matters.
func openJournal(dir string) (*journal, state, error) {
	path := filepath.Join(dir, journalName)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, state{}, fmt.Errorf("opening the outbox: %s is not a regular file", path)
	}
	st, err := readJournal(path)
	if err != nil {
		return nil, state{}, err
	}
	j := &journal{dir: dir}
	if err := j.rewrite(st.waiting, st.marked, st.slot); err != nil {
		return nil, state{}, err
	}
	return j, st, nil
}

func readJournal(path string) (state, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("opening the outbox: %w", err)
	}
	defer f.Close()
	var st state
	items := map[string]Item{}
	marked := map[string]bool{}
	var order []string
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		raw, err := r.ReadBytes('\n')
		if len(raw) > 0 && len(raw) <= maxLine {
			var s step
			if json.Unmarshal(bytes.TrimSpace(raw), &s) != nil {
				st.torn++
			} else {
				order = s.apply(items, marked, order, &st)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return state{}, fmt.Errorf("reading the outbox: %w", err)
		}
	}
	for _, id := range order {
		it, ok := items[id]
		switch {
		case !ok:
		case marked[id]:
			st.marked = append(st.marked, it)
		default:
			st.waiting = append(st.waiting, it)
		}
	}
	return st, nil
}

func (s *step) apply(items map[string]Item, marked map[string]bool, order []string, st *state) []string {
	switch s.Op {
	case "add":
		if s.Item != nil {
			items[s.Item.ID] = *s.Item
			order = append(order, s.Item.ID)
		}
	case "mark":
		marked[s.ID] = true
	case "back":
		delete(marked, s.ID)
	case "done":
		delete(items, s.ID)
		delete(marked, s.ID)
	case "slot":
		st.slot = s.Slot
	}
	return order
}

// write appends steps in one write; with sync it returns once they are on the disk.
func (j *journal) write(sync bool, steps ...step) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, s := range steps {
		if err := enc.Encode(s); err != nil {
			return fmt.Errorf("writing the outbox: %w", err)
		}
	}
	n, err := j.file.Write(b.Bytes())
	if err != nil {
		if n > 0 { // half a line would swallow the next one
			j.file.Truncate(j.size)
		}
		return fmt.Errorf("writing the outbox: %w", err)
	}
	j.size += int64(n)
	if sync {
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("writing the outbox: %w", err)
		}
	}
	return nil
}

// rewrite replaces the journal by one that holds what waits, what is marked and slot alone.
func (j *journal) rewrite(waiting, marked []Item, slot time.Time) error {
	path := filepath.Join(j.dir, journalName)
	tmp, err := os.CreateTemp(j.dir, journalName+".*") // 0600
	if err != nil {
		return fmt.Errorf("writing the outbox: %w", err)
	}
	defer os.Remove(tmp.Name())
	next := &journal{dir: j.dir, file: tmp}
	steps := []step{{Op: "slot", Slot: slot}}
	for i := range waiting {
		steps = append(steps, step{Op: "add", ID: waiting[i].ID, Item: &waiting[i]})
	}
	for i := range marked {
		steps = append(steps, step{Op: "add", ID: marked[i].ID, Item: &marked[i]}, step{Op: "mark", ID: marked[i].ID})
	}
	if err := next.write(true, steps...); err != nil {
		tmp.Close()
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		tmp.Close()
		return fmt.Errorf("writing the outbox: %w", err)
	}
	if d, err := os.Open(j.dir); err == nil {
		d.Sync()
		d.Close()
	}
	if j.file != nil {
		j.file.Close()
	}
	// The file is reopened for appending, so that what a failed write left is never written over.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	tmp.Close()
	if err != nil {
		return fmt.Errorf("writing the outbox: %w", err)
	}
	j.file, j.size = f, next.size
	return nil
}

func (j *journal) close() error {
	if err := j.file.Sync(); err != nil {
		j.file.Close()
		return err
	}
	return j.file.Close()
}
