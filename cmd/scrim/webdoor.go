package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/web"
)

// webDoor is the review UI and what it shows of the past. The inventory is fed also where the UI is off, so that
// "scrim fields" need not read the whole ledger.
type webDoor struct {
	server    *web.Server // nil: off
	inventory *audit.Inventory
	feed      *web.Feed
	originals *originals // nil: none are kept
}

// open makes the inventory, opens the listener, and keeps clients of the proxy away from it.
func (d *webDoor) open(h *house, settings *proxy.Config) error {
	cfg := h.cfg
	d.inventory = audit.NewInventory(time.Local, func(drift audit.Drift) {
		if d.server != nil {
			d.server.Drift(drift)
		}
	})
	file := web.InventoryFile(cfg.stateDir())
	if cfg.Ledger.Store == "memory" {
		file = "" // what is forgotten there is forgotten here
	}
	d.feed = web.NewFeed(d.inventory, h.ledger, file, h.log)
	settings.Book = fedBook{h.ledger, d.feed}
	if cfg.Ledger.Originals == "memory" {
		d.originals = newOriginals(cfg.plain)
	}
	settings.Original = d.original
	if cfg.Listen.Web == "" {
		return nil
	}
	server, err := web.New(web.Config{
		Listen: string(cfg.Listen.Web), Dir: cfg.stateDir(), Hosts: ownNames(), Version: version(), Store: storeWord(cfg.Ledger.Store), KeepAge: cfg.Ledger.Keep.Age,
		House: webHouse{h}, Book: h.ledger, Inventory: d.inventory, Log: h.log,
	})
	if err != nil {
		return err
	}
	d.server = server
	if addr, ok := server.Addr().(*net.TCPAddr); ok {
		settings.Upstream.OwnPorts = append(settings.Upstream.OwnPorts, uint16(addr.Port))
	}
	return nil
}

// maxMeasuredBody bounds the content of a message that is measured.
const maxMeasuredBody = 64 << 10

// original is handed each request that a rule decided, as it came. Now and then one is measured, so that the inventory
// can estimate how many different values a field has.
func (d *webDoor) original(flow string, m *rules.Message, rule *rules.RuleInfo) {
	if d.originals != nil {
		d.originals.keep(flow, m)
	}
	if len(m.Body) > maxMeasuredBody || !d.feed.Samples(m.Time) {
		return
	}
	sample := &audit.Sample{Product: rule.Product, Rule: rule.ID, Message: *m}
	sample.Message.Header, sample.Message.Body = slices.Clone(m.Header), bytes.Clone(m.Body)
	d.feed.Measure(sample)
}

func (d *webDoor) run(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	return d.server.Run(ctx)
}

// changed tells open pages to ask anew.
func (d *webDoor) changed(what string) {
	if d.server != nil {
		d.server.Changed(what)
	}
}

func (d *webDoor) close() {
	if d.server != nil {
		d.server.Close()
	}
}

// ownNames are the names of this machine in the house, by which its UI may be asked.
func ownNames() []string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return nil
	}
	short, _, _ := strings.Cut(name, ".")
	return []string{name, short, short + ".lan", short + ".home.arpa", short + ".fritz.box"}
}

// storeWord is the kind of a store, without the password that an address may hold.
func storeWord(store string) string {
	word, _, _ := strings.Cut(store, ":")
	return word
}

// fedBook is the ledger as the proxy writes it: what is committed is counted in the inventory.
type fedBook struct {
	*ledger.Ledger
	feed *web.Feed
}

func (b fedBook) Append(ctx context.Context, recs ...*ledger.Record) error {
	err := b.Ledger.Append(ctx, recs...)
	if err == nil {
		b.feed.Note(recs...)
	}
	return err
}

// greetWeb says where the UI is, and how its password is set.
func (h *house) greetWeb(line func(name, value string)) {
	d := h.web
	if d.server == nil {
		return
	}
	line("review UI", "http://"+reachable(d.server.Addr()))
	if code := d.server.Code(); code != "" && !d.server.Local() {
		line("", "its password is set with the one-time code "+web.ShownCode(code))
	}
}

// webHouse is the house as the UI sees it.
type webHouse struct{ h *house }

// inForce is the configuration and the rules as they are now.
func (w webHouse) inForce() (*config, *rulebook) {
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	return w.h.cfg, w.h.book
}

func (w webHouse) Choose(who string, c web.Choice) error { return w.h.choose(who, c) }

func (w webHouse) Reload(who string) web.Reload {
	return *shownReload(w.h.reloadNow("asked by " + who))
}

func shownReload(s reloadState) *web.Reload {
	return &web.Reload{Time: s.Time, Good: s.Good, Faults: s.Faults, Later: s.Later}
}

func (w webHouse) ClientName(addr string) string {
	cfg, _ := w.inForce()
	return cfg.Clients.Names[addr]
}

func (w webHouse) Coverage() web.Coverage {
	c := w.h.coverage()
	return web.Coverage{Since: c.Since, DNSDoor: c.DNS, Clients: c.Clients}
}

func (w webHouse) Original(flow string) *web.Original { return w.h.web.originals.find(flow) }

// Vendor is nil: no pack ships a list of its vendor's in a form that names fields.
func (w webHouse) Vendor(string, string) *bool { return nil }

func (w webHouse) State() web.State {
	h := w.h
	cfg, _ := w.inForce()
	root := h.authority.Root()
	state := web.State{
		Authority: web.Authority{Fingerprint: h.authority.Fingerprint(), Subject: root.Subject.CommonName, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
			Sealed: h.authority.Sealed(), PEM: h.authority.RootPEM(), DER: root.Raw},
		Proxy: shownCounters(h.proxy.Counters()), Waiting: w.waiting(), Ready: true, Originals: h.web.originals != nil,
	}
	for _, issuer := range h.authority.Issuers() {
		state.Authority.Hosts += len(issuer.Permitted)
	}
	addrs := h.addrs()
	for _, d := range doors(cfg.Settings) {
		if addr := addrs[d.word]; addr != nil && d.word != "web" {
			shown := web.Door{Name: d.word, Address: addr.String()}
			switch d.word {
			case "proxy", "collector":
				shown.Use = "http://" + reachable(addr)
			case "socks":
				shown.Use = "socks5://" + reachable(addr)
			}
			state.Doors = append(state.Doors, shown)
		}
	}
	for _, p := range h.proxy.Pinned() {
		state.Pinned = append(state.Pinned, w.pinned(cfg, p))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.reload.Time.IsZero() {
		state.Reload = shownReload(h.reload)
	}
	return state
}

func (w webHouse) pinned(cfg *config, p proxy.PinnedClient) web.Pinned {
	client := p.Client.String()
	shown := web.Pinned{Client: client, ClientName: cfg.Clients.Names[client], Host: p.Host, How: p.How, Time: p.Time, Tries: p.Tries, Next: cfg.OnPinned.Telemetry}
	gate := w.h.set.Load().Gate(rules.Client{Addr: p.Client, Name: shown.ClientName, Now: time.Now()}, p.Host)
	switch {
	case p.Waived:
		shown.Next = "try"
	case gate.Class == rules.Mixed:
		shown.Next = cfg.OnPinned.Mixed
	}
	return shown
}

// waiting is what the outbox holds, by rule and part.
func (w webHouse) waiting() []web.Waiting {
	list := []web.Waiting{}
	held := w.h.holding.waiting()
	infos := map[string]rules.RuleInfo{}
	for _, r := range w.h.set.Load().Rules() {
		infos[r.ID] = r
	}
	for name, count := range held.Lines {
		cut := strings.LastIndexByte(name, '/')
		line := web.Waiting{Rule: name, Count: count}
		if cut >= 0 {
			line.Rule, line.Part = name[:cut], name[cut+1:]
		}
		line.Product, line.Kind = infos[line.Rule].Product, infos[line.Rule].Kind
		if !held.Next.IsZero() {
			next := held.Next
			line.Next = &next
		}
		list = append(list, line)
	}
	return list
}

func shownCounters(n proxy.Counters) web.ProxyCounters {
	return web.ProxyCounters{
		Counters: web.Counters{Seen: n.Seen, Passed: n.Passed, Generalized: n.Generalized, Dropped: n.Dropped, Held: n.Held, Refused: n.Refused,
			Tunnelled: n.Tunnelled, Failed: n.Failed},
		NotServed: n.NotServed, OverLimit: n.OverLimit, Pinned: n.Pinned, Drift: n.Drift, LedgerFault: n.LedgerFault, Panics: n.Panics, Connections: n.Connections,
	}
}

func (w webHouse) Settings() web.Settings {
	cfg, book := w.inForce()
	choices := cfg.statePath(choicesName)
	out := web.Settings{File: cfg.file, Choices: choices}
	for _, s := range append(cfg.settings(), cfg.switches(book)...) {
		out.Settings = append(out.Settings, web.Setting{Key: s.Key, Value: withoutPassword(s.Value), Origin: s.Origin, Doc: s.Doc,
			Chosen: strings.HasPrefix(s.Origin, choices+":")})
	}
	return out
}

// withoutPassword is a value without the password of the address in it.
func withoutPassword(value any) any {
	text, ok := value.(string)
	if !ok || !strings.Contains(text, "@") {
		return value
	}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return value
}

func (w webHouse) Products() web.Products {
	cfg, book := w.inForce()
	out := web.Products{Profile: cfg.Profile, ProfileOrigin: cfg.origin("profile").String()}
	now := time.Now()
	for _, p := range book.set.Products() {
		if p.Name == "" {
			continue // rules of no product have no switches
		}
		path := "products." + p.Name
		shown := web.Product{Name: p.Name, Title: p.Title, Profile: p.Profile, ProfileOrigin: cfg.origin(path + ".profile").String()}
		if shown.Title == "" {
			shown.Title = p.Name
		}
		if shown.ProfileOrigin == "default" {
			shown.ProfileOrigin = out.ProfileOrigin
		}
		if p.Pause.After(now) {
			until := p.Pause
			shown.PauseUntil = &until
		}
		for _, k := range p.Kinds {
			shown.Kinds = append(shown.Kinds, web.Kind{Name: k.Name, Title: k.Title, Default: string(k.Default), Switch: string(k.Switch), Origin: cfg.origin(path + "." + k.Name).String()})
		}
		out.Products = append(out.Products, shown)
	}
	return out
}

func (w webHouse) Hosts() []web.RuledHost {
	var out []web.RuledHost
	for _, host := range w.h.set.Load().Hosts() {
		out = append(out, web.RuledHost{Name: host.Name, Class: string(host.Class), Product: host.Product, Refused: host.Refused})
	}
	return out
}

func (w webHouse) Rules() (list []web.Rule, warnings []string) {
	set := w.h.set.Load()
	for _, r := range set.Rules() {
		list = append(list, web.Rule{ID: r.ID, Product: r.Product, ProductTitle: r.Title, Kind: r.Kind, Why: r.Why, Then: string(r.Then), File: r.Pos.File, Line: r.Pos.Line})
	}
	for _, warning := range set.Warnings() {
		warnings = append(warnings, fmt.Sprintf("%s:%d:%d: %s", warning.Pos.File, warning.Pos.Line, warning.Pos.Column, warning.What))
	}
	return list, warnings
}

func (w webHouse) Explain(q web.Question) (*web.Explanation, error) {
	cfg, book := w.inForce()
	m := &rules.Message{Time: time.Now(), Method: strings.ToUpper(q.Method), Client: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Body: q.BodyBase64}
	if err := setTarget(m, q.URL); err != nil {
		return nil, errors.Join(web.ErrQuestion, err)
	}
	if q.Client != "" {
		addr, err := netip.ParseAddr(q.Client)
		if err != nil {
			return nil, errors.Join(web.ErrQuestion, fmt.Errorf("%q is not the address of a client", q.Client))
		}
		m.Client = addr.Unmap().WithZone("")
	}
	m.ClientName = cfg.Clients.Names[m.Client.String()]
	for _, f := range q.Headers {
		m.Header = append(m.Header, rules.Field(f))
	}
	if q.Body != "" {
		m.Body = []byte(q.Body)
	}
	env := rules.Env{Now: m.Time, Location: time.Local, Random: rand.Reader, Key: cfg.previewKey()}
	return webExplanation(m, book.set.Explain(m, env), cfg), nil
}

func webExplanation(m *rules.Message, e *rules.Explanation, cfg *config) *web.Explanation {
	x := explained(m, e)
	out := &web.Explanation{URL: x.URL, Gate: x.Gate, Class: x.Class, Verdict: x.Verdict, Rule: x.Rule, Reason: x.Reason, Detail: x.Detail, Drift: x.Drift}
	for _, t := range x.Tried {
		out.Tried = append(out.Tried, web.Tried(t))
	}
	for _, ed := range x.Edits {
		out.Edits = append(out.Edits, web.Edit{Part: ed.Part, Selector: ed.Selector, Transform: ed.Transform, Detail: ed.Detail, Type: ed.Type, Shape: ed.Shape,
			Count: ed.Count, Error: ed.Error, Listed: ed.Listed, Removed: ed.Removed})
	}
	if e.Outcome != nil && len(x.Leaves) > 0 {
		for i := range e.Outcome.Messages {
			o := &e.Outcome.Messages[i]
			out.Leaves = append(out.Leaves, web.Leaf{Part: o.Part, Held: o.Release != nil, Request: *web.ShownRequest(requestOf(&o.Message, cfg.plain))})
		}
	}
	return out
}
