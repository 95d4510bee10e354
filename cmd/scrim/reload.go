package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/scrimproxy/scrim/rules/pack"
)

// watchEvery is how often the files are looked at. Looking costs a stat of each and, unlike notifications of the
// kernel, works for files that are mounted one by one into a container, and beside a ledger that writes all the time.
const watchEvery = 500 * time.Millisecond

// reloadState is how the last reload went.
type reloadState struct {
	Time   time.Time `json:"time"`
	Good   bool      `json:"good"`
	Faults []string  `json:"faults,omitempty"`
	Later  []string  `json:"later,omitempty"` // keys that take effect at the next start
}

// watch reloads on SIGHUP and when a file has changed and then stayed as it is for one look.
func (h *house) watch(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	inForce := h.stamped
	last := inForce
	quiet := quiet{seen: -1}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			h.reloadNow("SIGHUP")
			inForce = h.stamp()
			last = inForce
		case <-tick.C:
			quiet.look(h.proxy.Counters().Seen)
			now := h.stamp()
			if now == last && now != inForce {
				h.reloadNow("a file has changed")
				inForce = h.stamp()
				now = inForce
			}
			last = now
		}
	}
}

// stamp is the state of all files that a reload reads. Contents are not looked at: a touched file reloads.
func (h *house) stamp() string {
	h.mu.Lock()
	files := append(h.cfg.watched(), h.app.configCandidates()...)
	choices, own := h.cfg.statePath(choicesName), h.ownChoices
	h.mu.Unlock()
	var b strings.Builder
	for _, file := range files {
		if file == choices && stampOf(file) == own {
			continue // as scrim itself left it
		}
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// configCandidates are the files that may be the configuration.
func (a *app) configCandidates() []string {
	if a.configFile != "" {
		return []string{a.configFile}
	}
	return configPlaces()
}

// watched are the files beside the configuration that a reload reads.
func (c *config) watched() []string {
	files, _ := c.ruleFiles()
	for _, list := range c.lists {
		files = append(files, list)
	}
	if c.Upstream.Roots != "system" {
		files = append(files, c.resolve(c.Upstream.Roots))
	}
	for _, source := range pack.Files() { // what the owner accepts
		files = append(files, c.acceptedFile(packName(source)))
	}
	return append(files, c.statePath(choicesName), c.statePath("ca/root.pem"), c.statePath("ca/sealed"))
}

// reloadNow takes over new settings and rules, or keeps the old ones and says why.
func (h *house) reloadNow(reason string) reloadState {
	h.mu.Lock()
	defer h.mu.Unlock()
	state := reloadState{Time: time.Now()}
	later, err := h.takeOver()
	if err != nil {
		state.Faults = strings.Split(err.Error(), "\n")
		h.app.ui.fault(err)
		h.log.Error("reload refused; what was in force stays in force", "because", reason, "faults", len(state.Faults))
		h.event("reload refused", state.Faults[0])
	} else {
		state.Good, state.Later = true, later
		h.log.Info("reloaded", "because", reason, "rules", len(h.book.set.Rules()))
		for _, key := range later {
			h.log.Warn("a changed setting takes effect at the next start", "key", key)
		}
		h.event("reload", reason)
		h.web.changed("rules")
	}
	h.reload = state
	return state
}

// takeOver loads everything anew and, if all of it is good, puts it in force. The set changes at once for
// every connection and request that begins afterwards.
func (h *house) takeOver() (later []string, err error) {
	cfg, err := h.app.loadConfig()
	if err != nil {
		return nil, err
	}
	book, err := cfg.loadProven()
	if err != nil {
		return nil, err
	}
	later = changedKeys(h.cfg, cfg)
	settings, err := cfg.proxyConfig()
	if err != nil {
		return nil, err
	}
	if err := h.authority.Reload(groups(book.set)); err != nil {
		return nil, explainCA(err)
	}
	if err := h.proxy.Renew(settings); err != nil {
		return nil, errors.Join(err, h.authority.SetGroups(groups(h.book.set)))
	}
	h.level.Set(logLevel(cfg.Log.Level))
	h.set.Store(book.set)
	h.cfg, h.book = h.cfg.renewed(cfg), book
	h.origins.renew(h.dns.seen, decider(h.set.Load, cfg.clientNames(), time.Now))
	return later, nil
}

// reloadable are the keys that a reload puts in force.
func reloadable() []string {
	return []string{"clients.allow", "clients.names", "upstream.resolvers", "upstream.proxy", "upstream.roots", "upstream.hosts",
		"upstream.allow_private", "profile", "products", "rule_files", "on_pinned.telemetry", "on_pinned.mixed",
		"limits.max_body", "limits.ratio", "limits.depth", "limits.connections", "limits.per_client", "log.level"}
}

// changedKeys are the keys whose values differ and that only a start puts in force.
func changedKeys(old, new *config) []string {
	var changed []string
	for _, k := range keys() {
		if !slices.Contains(reloadable(), k.path) && !reflect.DeepEqual(k.field(old.Settings), k.field(new.Settings)) {
			changed = append(changed, k.path)
		}
	}
	return changed
}

// renewed is the new configuration with the values of the old where only a start can change them.
func (c *config) renewed(new *config) *config {
	settings := *c.Settings
	settings.Profile, settings.Products, settings.RuleFiles = new.Profile, new.Products, new.RuleFiles
	settings.Clients, settings.Upstream, settings.OnPinned, settings.Log = new.Clients, new.Upstream, new.OnPinned, new.Log
	limits := new.Limits
	limits.Header, limits.HeaderTimeout, limits.IdleTimeout = c.Limits.Header, c.Limits.HeaderTimeout, c.Limits.IdleTimeout
	settings.Limits = limits
	out := *new
	out.Settings = &settings
	return &out
}
