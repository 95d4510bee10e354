package rules_test

import (
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

const waitingRules = `product: home
title: Home
kinds: {plays: {title: Plays, default: generalize}}
hosts: {h.example.org: telemetry}
rules:
  - id: play
    kind: plays
    why: It is a test.
    match: {host: h.example.org}
    then: generalize
    parts:
      - {name: play, fields: {$.a: keep}, release: {at: "04:00"}}
      - {name: technical, profiles: [generalized], fields: {$.b: keep}, release: {at: "04:00"}}
    reply: {status: 200}
`

// TestWhatWaitsIsAskedAgain holds what docs/rules.md promises of a release: the rules and switches in force then decide.
func TestWhatWaitsIsAskedAgain(t *testing.T) {
	now := time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC)
	play := func(v rules.Verdict) rules.Choices {
		return rules.Choices{Switch: map[string]map[string]rules.Verdict{"home": {"plays": v}}}
	}
	for _, c := range []struct {
		name       string
		choices    rules.Choices
		more       string // a file before
		rule, part string
		ok         bool
		reason     rules.Reason
	}{
		{"as_it_was", rules.Choices{}, "", "play", "play", true, ""},
		{"switched_to_drop", play(rules.Drop), "", "play", "play", false, rules.BySwitch},
		{"switched_to_pass_it_leaves_as_it_was_made", play(rules.Pass), "", "play", "play", true, ""},
		{"during_a_pause_too", rules.Choices{Pause: map[string]time.Time{"home": now.Add(time.Hour)}}, "", "play", "play", true, ""},
		{"its_part_is_left_out_now", rules.Choices{Profile: map[string]string{"home": "strict"}}, "", "play", "technical", false, rules.ByProfile},
		{"its_other_part_stays", rules.Choices{Profile: map[string]string{"home": "strict"}}, "", "play", "play", true, ""},
		{"its_rule_is_gone", rules.Choices{}, "", "earlier", "play", false, ""},
		{"its_host_is_refused", rules.Choices{}, "rules:\n  - {id: no, why: Not this one., match: {host: h.example.org}, then: refuse}\n", "play", "play", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			texts := []string{waitingRules}
			if c.more != "" {
				texts = []string{c.more, waitingRules}
			}
			set := load(t, rules.Options{}, texts...).With(c.choices)
			ok, reason, why := set.MayLeave(rules.Client{Now: now}, "h.example.org", "home", c.rule, c.part)
			if ok != c.ok || reason != c.reason || ok == (why != "") {
				t.Errorf("got %v, %q, %q; want %v, %q", ok, reason, why, c.ok, c.reason)
			}
		})
	}
}
