package rules_test

import (
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

const cellsFile = `
hosts: {stats.example.org: telemetry}
tables:
  lengths: {unit: ms, edges: [1, 900000], write: [480000, 1320000], strict: {edges: [1], write: [600000]}}
rules:
  - id: play
    match:
      host: stats.example.org
      body: {$.event: stop, $.kind: [film, clip]}
    then: generalize
    parts:
      - name: play
        crowd: 100
        fields:
          $.event: keep
          $.kind: keep
          $.length: {bucket: lengths, unit: s}
          $.played: {derive: {share_of: $.length, edges: [0.5], factors: [0.3, 1]}}
          $.device: random
          $.day: {stamp: day}
          $.rate: {round: 512kbps, unit: kbps}
          $.size: {bucket: [0, 10, 100]}
          $.free: keep
          $.class: {map: {a: x, b: x, "*": x}}
      - name: extra
        profiles: [generalized]
        fields: {$.free: keep}
        unlisted: keep
`

func TestCellsSayWhatEachFieldTells(t *testing.T) {
	file, err := rules.Parse("cells.yaml", []byte(cellsFile))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile([]*rules.File{file}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cells := set.Cells()
	if len(cells) != 2 || cells[0].Part != "play" || cells[0].Crowd != 100 || cells[0].Open || !cells[1].Open {
		t.Fatalf("parts: got %+v", cells)
	}
	want := map[string]rules.Says{
		"$.event": rules.SaysOne, "$.kind": rules.SaysCell, "$.length": rules.SaysCell, "$.played": rules.SaysShare, "$.device": rules.SaysNothing,
		"$.day": rules.SaysTime, "$.rate": rules.SaysStep, "$.size": rules.SaysCell, "$.free": rules.SaysAsItCame, "$.class": rules.SaysOne,
	}
	for _, f := range cells[0].Fields {
		if f.Says != want[f.Selector] {
			t.Errorf("%s: got %q, want %q", f.Selector, f.Says, want[f.Selector])
		}
		if f.Selector == "$.length" && (f.Table != "lengths" || f.Unit != "s" || f.TabUnit != "ms" || len(f.Rows[""].Edges) != 2 || len(f.Others[""].Edges) != 1) {
			t.Errorf("$.length: got %+v", f)
		}
	}
	strict := set.With(rules.Choices{Profile: map[string]string{"": "strict"}}).Cells()
	if len(strict) != 1 || len(strict[0].Fields[2].Rows[""].Edges) != 1 || len(strict[0].Fields[2].Others[""].Edges) != 2 {
		t.Errorf("strict: got %+v", strict)
	}
}

func TestACookieWithoutANameIsNotListedByItsValue(t *testing.T) {
	file, err := rules.Parse("cells.yaml", []byte(cellsFile))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile([]*rules.File{file}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &rules.Message{Method: "POST", Path: "/", To: rules.Destination{Scheme: "https", Host: "stats.example.org", Port: 443, Evidence: rules.FromAuthority},
		Header: []rules.Field{{Name: "Cookie", Value: "a=1; 9f8e7d6c5b4a"}}, Body: []byte(`{"event":"stop","kind":"film"}`)}
	for _, e := range set.Apply(m, rules.Env{}).Edits {
		if e.Selector == "cookie:9f8e7d6c5b4a" {
			t.Errorf("got %+v", e)
		}
	}
}
