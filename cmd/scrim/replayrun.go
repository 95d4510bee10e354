package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// replayRun is one run of replay. Entries are decided by several workers; everything that has an order (the
// report, the schedule, what is written) happens in one place, in the order of the recording.
type replayRun struct {
	ui       *ui
	set      *rules.Set
	env      rules.Env
	client   rules.Client
	opt      replayOptions
	report   *replayReport
	schedule *schedule
	writer   *replayWriter // nil: nothing is written
	sum      replaySum
	name     string
}

// replaySum counts what became of the entries. Seen is the sum of the seven after it.
type replaySum struct {
	Seen        int `json:"seen"`
	Passed      int `json:"passed"`
	Generalized int `json:"generalized"`
	Dropped     int `json:"dropped"`
	Refused     int `json:"refused"`
	Tunnelled   int `json:"tunnelled"`
	Failed      int `json:"failed"`   // entries that are no requests
	Leaving     int `json:"leaving"`  // requests that would leave
	Expired     int `json:"expired"`  // parts that would not, being too old
	Waiting     int `json:"waiting"`  // parts whose pool never fills
	Unlisted    int `json:"unlisted"` // entries with something that no rule lists
}

func newReplayRun(a *app, cfg *config, book *rulebook, client netip.Addr, o replayOptions) *replayRun {
	r := &replayRun{ui: a.ui, set: book.set, opt: o}
	r.env = rules.Env{Location: time.Local, Random: rand.Reader, Key: cfg.previewKey()}
	r.client = rules.Client{Addr: client, Name: cfg.Clients.Names[client.String()]}
	r.report = &replayReport{ui: a.ui, json: a.json, quiet: o.quiet, aside: o.out == "-"}
	r.schedule = &schedule{loc: time.Local, random: rand.Reader, of: map[string]int{}, leave: r.leave}
	return r
}

// open makes the file that what leaves is written to.
func (r *replayRun) open(format, out string) error {
	r.report.begin()
	if out == "" {
		return nil
	}
	var err error
	r.writer, err = newReplayWriter(r.ui, format, out)
	return err
}

// decided is an entry with what becomes of it.
type decided struct {
	entry   *entry
	message *rules.Message // nil: it is no request
	fault   error
	verdict string // of the gate or of the rules
	rule    *rules.RuleInfo
	outcome *rules.Outcome // nil where the gate decided
	text    []byte         // of the report
}

// job is a run of entries that one worker decides.
type job struct {
	entries []*entry
	done    chan []decided
}

const jobSize = 64

// all reads the recording to its end.
func (r *replayRun) all(ctx context.Context, rec *recording) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.name = rec.name
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan job), make(chan job, 2*workers)
	go func() {
		defer close(work)
		defer close(order)
		if err := readJobs(ctx, rec, work, order); err != nil {
			cancel(err)
		}
	}()
	for range workers {
		go func() {
			for j := range work {
				j.done <- r.decideAll(j.entries)
			}
		}()
	}
	// Every job that was ordered is worked on: reading order to its end waits for all goroutines.
	var failed error
	for j := range order {
		for _, d := range <-j.done {
			if failed == nil {
				failed = r.settle(&d)
			}
		}
		if failed != nil {
			cancel(failed)
		}
	}
	if failed == nil {
		failed = context.Cause(ctx)
	}
	return failed
}

// readJobs reads entries and hands them out, to a worker and to the place that keeps the order.
func readJobs(ctx context.Context, rec *recording, work, order chan<- job) error {
	for {
		j := job{done: make(chan []decided, 1)}
		var err error
		for len(j.entries) < jobSize && err == nil {
			var e *entry
			if e, err = rec.next(); err == nil {
				j.entries = append(j.entries, e)
			}
		}
		if len(j.entries) > 0 {
			select {
			case <-ctx.Done():
				return nil
			case work <- j:
			}
			order <- j
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *replayRun) decideAll(entries []*entry) []decided {
	all := make([]decided, len(entries))
	for i, e := range entries {
		all[i] = r.decide(e)
		if all[i].fault == nil {
			all[i].text, all[i].fault = r.report.render(&all[i])
		}
	}
	return all
}

// decide asks the gate and then the rules, as the proxy would.
func (r *replayRun) decide(e *entry) decided {
	d := decided{entry: e}
	m, err := e.message()
	if err != nil {
		d.fault = err
		return d
	}
	m.Client, m.ClientName = r.client.Addr, r.client.Name
	client := r.client
	client.Now = m.Time
	gate := r.set.Gate(client, m.To.Host)
	d.message, d.verdict, d.rule = m, string(gate.Answer), gate.Rule
	if gate.Answer != rules.Intercept {
		return d
	}
	env := r.env
	env.Now = m.Time
	d.outcome = r.set.Apply(m, env)
	d.verdict, d.rule = string(d.outcome.Verdict), d.outcome.Rule
	return d
}

// settle reports one entry and lets leave what leaves at once.
func (r *replayRun) settle(d *decided) error {
	r.sum.Seen++
	if d.fault != nil {
		r.sum.Failed++
		r.ui.warn(fmt.Sprintf("%s: entry %d", r.name, d.entry.index), d.fault.Error())
		return nil
	}
	if err := r.schedule.reach(d.message.Time); err != nil {
		return err
	}
	r.count(d)
	r.report.entry(d.text)
	if d.verdict == string(rules.Pass) || d.verdict == string(rules.Tunnel) {
		r.sum.Leaving++
		return r.write(d.entry.raw)
	}
	if d.outcome == nil {
		return nil
	}
	for i := range d.outcome.Messages {
		out := &d.outcome.Messages[i]
		if out.Release != nil {
			r.schedule.hold(d.entry.index, strconv.Itoa(d.entry.index)+"/"+strconv.Itoa(i), d.outcome, out, d.message.Time)
			continue
		}
		now := leaving{index: d.entry.index, at: d.message.Time, rule: d.outcome.Rule.ID, part: out.Part, message: &out.Message}
		if err := r.emit(now); err != nil {
			return err
		}
	}
	return nil
}

func (r *replayRun) count(d *decided) {
	switch d.verdict {
	case string(rules.Pass):
		r.sum.Passed++
	case string(rules.Generalize):
		r.sum.Generalized++
	case string(rules.Tunnel):
		r.sum.Tunnelled++
	case string(rules.Refuse):
		r.sum.Refused++
	default:
		r.sum.Dropped++
	}
	if d.unlisted() {
		r.sum.Unlisted++
	}
}

// unlisted reports whether the entry has something that no rule lists.
func (d *decided) unlisted() bool {
	return d.outcome != nil && (len(d.outcome.Drift) > 0 || d.outcome.Reason == rules.OnUnlisted || d.outcome.Reason == rules.Unmatched)
}

// leave is called by the schedule for what it lets go.
func (r *replayRun) leave(l leaving) error {
	if err := r.report.released(l); err != nil {
		return err
	}
	if l.expired {
		r.sum.Expired++
		return nil
	}
	return r.emit(l)
}

// emit writes one request that leaves.
func (r *replayRun) emit(l leaving) error {
	r.sum.Leaving++
	if r.writer == nil {
		return nil
	}
	return r.writer.request(l)
}

// write writes an entry that leaves as it came.
func (r *replayRun) write(raw []byte) error {
	if r.writer == nil {
		return nil
	}
	return r.writer.raw(raw)
}

// abandon closes and removes what was begun.
func (r *replayRun) abandon() {
	if r.writer != nil {
		r.writer.abandon()
	}
}

// finish empties the queues, closes the files and judges by --fail-on.
func (r *replayRun) finish() error {
	waiting, err := r.schedule.drain()
	if err != nil {
		r.abandon()
		return err
	}
	r.sum.Waiting = waiting
	if r.writer != nil {
		if err := r.writer.close(); err != nil {
			return err
		}
	}
	if err := r.report.end(r.sum); err != nil {
		return err
	}
	found := map[string]int{"unlisted": r.sum.Unlisted, "drop": r.sum.Dropped, "pass": r.sum.Passed + r.sum.Tunnelled}
	var faults []string
	for _, word := range failWords() {
		if slices.Contains(r.opt.failOn, word) && found[word] > 0 {
			faults = append(faults, fmt.Sprintf("%s: %d", word, found[word]))
		}
	}
	if len(faults) > 0 {
		return &codeError{err: fmt.Errorf("replay found what --fail-on names: %s", strings.Join(faults, ", ")), code: exitFaults}
	}
	if r.sum.Failed > 0 {
		return fmt.Errorf("%s of %s could not be read", count(r.sum.Failed, "entry"), r.name)
	}
	return nil
}
