package rules_test

import (
	"fmt"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// A rule lists what may leave; all else goes.
func Example() {
	file, err := rules.Parse("home.yaml", []byte(`
hosts: {stats.example.org: telemetry}
rules:
  - id: playback
    match: {host: stats.example.org, body: {$.event: "play*"}}
    then: generalize
    fields:
      $.event: keep
      $.length: {round: 15m, unit: s}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := rules.Compile([]*rules.File{file}, rules.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Gate(rules.Client{}, "stats.example.org").Answer)
	out := set.Apply(&rules.Message{
		Method: "POST", Path: "/v1/events",
		To:   rules.Destination{Scheme: "https", Host: "stats.example.org", Port: 443},
		Body: []byte(`{"event":"playend","user":"ann","length":5640}`),
	}, rules.Env{Now: time.Date(2025, 1, 14, 12, 0, 0, 0, time.UTC)})
	fmt.Println(out.Verdict, string(out.Messages[0].Message.Body))
	for _, e := range out.Edits {
		fmt.Println(e.Selector, e.Transform, e.Shape)
	}
	// Output:
	// intercept
	// generalize {"event":"playend","length":5400}
	// $.event keep text, 7 characters
	// $.user unlisted text, 3 characters
	// $.length round integer, 4 digits
}

// Switches are the owner's, and need no reload.
func ExampleSet_With() {
	file, _ := rules.Parse("home.yaml", []byte(`
product: acme
hosts: {stats.example.org: telemetry}
kinds: {playback: {title: Playback statistics}}
rules:
  - {id: playback, kind: playback, match: {host: stats.example.org}, then: generalize, fields: {$.event: keep}}
`))
	set, _ := rules.Compile([]*rules.File{file}, rules.Options{})
	off := set.With(rules.Choices{Switch: map[string]map[string]rules.Verdict{"acme": {"playback": rules.Drop}}})
	m := &rules.Message{Method: "POST", Path: "/", To: rules.Destination{Scheme: "https", Host: "stats.example.org", Port: 443}, Body: []byte(`{"event":"x"}`)}
	fmt.Println(set.Apply(m, rules.Env{}).Verdict, off.Apply(m, rules.Env{}).Verdict)
	// Output: generalize drop
}
