package rules_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// send makes a message of a method, a URL, header lines and a body.
func send(t testing.TB, method, url, content string, header ...string) *rules.Message {
	t.Helper()
	r := harRequest{Method: method, URL: url}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Headers = append(r.Headers, struct{ Name, Value string }{name, value})
	}
	m := message(t, r)
	if content != "" {
		m.Body = []byte(content)
	}
	return m
}

// left is what leaves, in one line each: target, header, body.
func left(m *rules.Message, out *rules.Outcome) []string {
	var lines []string
	messages := make([]rules.Message, 0, 1)
	for _, o := range out.Messages {
		messages = append(messages, o.Message)
	}
	if out.Verdict == rules.Pass {
		messages = append(messages, *m)
	}
	for _, m := range messages {
		lines = append(lines, m.Target()+" "+string(m.Body))
	}
	return lines
}

// one is a rule on h.example.org with these lines under it, indented by four.
func one(lines string) string {
	return "hosts: {h.example.org: telemetry}\nrules:\n  - id: r\n    match: {host: h.example.org}\n    then: generalize\n" + lines
}

// fields is a rule with these fields, one a line.
func fields(more string, lines ...string) string {
	text := "    fields:\n"
	for _, l := range lines {
		text += "      " + l + "\n"
	}
	return one(text + more)
}

func TestFields(t *testing.T) {
	for _, c := range []struct{ name, rules, in, want string }{
		{"ancestors_of_a_listed_field_stay", fields("", `$.a.b: keep`), `{"a":{"b":1,"c":2},"d":3}`, `{"a":{"b":1}}`},
		{"a_container_without_listed_descendants_goes_whole", fields("", `$.x: keep`), `{"x":1,"a":{"b":[1,2]}}`, `{"x":1}`},
		{"a_container_emptied_by_remove_stays", fields("", `$.a.b: remove`), `{"a":{"b":1},"c":2}`, `{"a":{}}`},
		{"deepest_selector_decides", fields("", `$.a: remove`, `$.a.b: keep`), `{"a":{"b":1,"c":2}}`, `{"a":{"b":1}}`},
		{"deepest_decides_also_under_keep_all", fields("", `$.a: {keep: all}`, `$.a.b: remove`), `{"a":{"b":1,"c":[2]}}`, `{"a":{"c":[2]}}`},
		{"first_written_decides_at_one_node", fields("", `$.*: {replace: 1}`, `$.a: keep`), `{"a":7,"b":8}`, `{"a":1,"b":1}`},
		{"first_written_decides_at_one_node_2", fields("", `$.a: keep`, `$.*: {replace: 1}`), `{"a":7,"b":8}`, `{"a":7,"b":1}`},
		{"first_written_general_selector", fields("", `$..a: keep`, `$.a: remove`), `{"a":7,"b":{"a":8}}`, `{"a":7,"b":{"a":8}}`},
		{"first_written_before_general_selector", fields("", `$.a: remove`, `$..a: keep`), `{"a":7,"b":{"a":8}}`, `{"b":{"a":8}}`},
		{"a_selector_that_hits_nothing_is_no_fault", fields("", `$.a: keep`, `$.zz[3].y: random`), `{"a":7}`, `{"a":7}`},
		{"keep_is_for_values", fields("", `$.a: keep`), `{"a":{"b":1}}`, "drop"},
		{"keep_of_an_array_too", fields("", `$.a: keep`), `{"a":[]}`, "drop"},
		{"on_error_at_a_field_removes_it", fields("", `$.a: {bucket: [10, 20], on_error: remove}`, `$.b: keep`), `{"a":3,"b":1}`, `{"b":1}`},
		{"on_error_of_the_rule_is_that_of_its_fields", fields("    on_error: remove\n", `$.a: {bucket: [10, 20]}`, `$.b: keep`, `$.c: {round: 10, on_error: drop}`), `{"a":3,"b":1,"c":4}`, `{"b":1,"c":0}`},
		{"on_error_of_a_field_over_the_rule's", fields("    on_error: remove\n", `$.a: {bucket: [10, 20], on_error: drop}`), `{"a":3}`, "drop"},
		{"on_error_remove_does_not_save_a_body", fields("    on_error: remove\n", `$.a: keep`), `{"a":`, "drop"},
		{"on_error_of_an_element", one("    each: {path: \"$[*]\", events: [{on_error: remove, fields: {$.a: {round: 10}, $.b: keep}}]}\n"), `[{"a":"x","b":1}]`, `[{"b":1}]`},
		{"duplicate_names_are_all_decided", fields("", `$.a: {round: 10}`), `{"a":14,"a":26}`, `{"a":10,"a":30}`},
		{"escaped_names_are_the_same_names", fields("", `$.duration: remove`, `$.b: keep`), `{"dur\u0061tion":5,"b":1}`, `{"b":1}`},
		{"slices_and_filters", fields("", `$.a[1:].x: keep`, `$.b[?@.k=="y"].v: keep`), `{"a":[{"x":1},{"x":2}],"b":[{"k":"n","v":1},{"k":"y","v":2}]}`, `{"a":[{"x":2}],"b":[{"v":2}]}`},
		{"keep_leaves_white_space_and_spelling", fields("    unlisted: keep\n", `$.a: {round: 10}`), "{ \"b\" : 1.50,\n \"a\": 14 }", "{ \"b\" : 1.50,\n \"a\": 10 }"},
		{"compact_in_source_order", fields("", `$.b: keep`, `$.a: keep`), "{ \"a\" : 1.50,\n \"b\": \"\\u0041\" }", `{"a":1.50,"b":"\u0041"}`},
		{"unlisted_drop_drops_the_event", fields("    unlisted: drop\n", `$.a: keep`), `{"a":1,"b":2}`, "drop"},
		{"unlisted_drop_lets_through_what_is_listed", fields("    unlisted: drop\n", `$.a: keep`, `$.b: remove`), `{"a":1,"b":{"c":2}}`, `{"a":1}`},
		{"big_numbers_keep_their_text", fields("", `$.a: keep`), `{"a":12345678901234567890123}`, `{"a":12345678901234567890123}`},
		{"not_json_is_on_error", fields("", `$.a: keep`), "\x00\x01\x02\xff\xfe", "drop"},
		{"an_empty_body_is_nothing", fields("", `$.a: keep`), "", ""},
		{"frame_of_height_and_width", fields("", `$.h: {frame: {width: $.w}}`), `{"w":1900,"h":800}`, `{"h":1080}`},
		{"table_by_frame", fields("", `$.r: {bucket: video-rate, unit: kbps, by: {frame: [$.w, $.h]}}`), `{"w":3840,"h":2160,"r":20000}`, `{"r":40000}`},
		{"table_by_frame_missing_takes_star", fields("", `$.r: {bucket: video-rate, unit: kbps, by: {frame: [$.w, $.h]}}`), `{"r":20000}`, `{"r":11200}`},
		{"form_bodies", fields("    unlisted: remove\n", `$.a: keep`, `$.d: {round: 10}`), "a=1%202&b=3&d=14", "a=1%202&d=10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, c.rules, shipped(t, "tables.yaml"))
			m := send(t, "POST", "https://h.example.org/", c.in)
			check(t, m, set.Apply(m, testEnv()), c.want)
		})
	}
}

// check holds what leaves against one body, "drop" or "pass".
func check(t *testing.T, m *rules.Message, out *rules.Outcome, want string) {
	t.Helper()
	got := string(out.Verdict)
	if len(out.Messages) > 0 {
		got = string(out.Messages[0].Message.Body)
	} else if out.Verdict == rules.Generalize {
		got = "nothing"
	}
	if got != want {
		t.Errorf("got %s, want %s (%s: %s)", got, want, out.Reason, out.Detail)
	}
}

func TestDerive(t *testing.T) {
	text := fields("",
		`$.d: {bucket: [1, 1000, 2000], on_error: remove}`,
		`$.p: {derive: {share_of: $.d, edges: [0.5], factors: [0.25, 1]}}`,
		`$.list[*].d: {round: 100}`,
		`$.list[*].p: {derive: {share_of: "$.list[*].d", edges: [0.5], factors: [0.25, 1]}}`)
	for _, c := range []struct{ name, in, want string }{
		{"share_from_received_result_from_written", `{"d":1999,"p":999}`, `{"d":1000,"p":250}`},
		{"partner_after", `{"p":1500,"d":1999}`, `{"p":1000,"d":1000}`},
		{"share_over_1_counts_as_1", `{"d":1999,"p":5000}`, `{"d":1000,"p":1000}`},
		{"negative_is_on_error", `{"d":1999,"p":-1}`, "drop"},
		{"missing_partner_removes", `{"p":10,"x":1}`, `{}`},
		{"invalid_partner_removes", `{"d":"x","p":10}`, `{}`},
		{"in_batches_the_nearest_partner", `{"list":[{"d":149,"p":149},{"p":1},{"p":10,"d":251}]}`, `{"list":[{"d":100,"p":100},{},{"p":75,"d":300}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, text)
			m := send(t, "POST", "https://h.example.org/", c.in)
			check(t, m, set.Apply(m, testEnv()), c.want)
		})
	}
}

func TestInside(t *testing.T) {
	set := load(t, rules.Options{}, fields("",
		`$.data: {inside: [base64, json], fields: {$.a: keep, $.n: {inside: [json], fields: {$.x: {round: 10}}}}}`,
		`$.q: {inside: query, fields: {$.v: keep}, unlisted: remove}`))
	for _, c := range []struct{ name, in, want string }{
		{"base64_json", `{"data":"eyJhIjoxLCJiIjoyfQ=="}`, `{"data":"eyJhIjoxfQ=="}`},
		{"nested", `{"data":"eyJhIjoxLCJuIjoie1wieFwiOjE0LFwieVwiOjF9In0="}`, `{"data":"eyJhIjoxLCJuIjoie1wieFwiOjEwfSJ9"}`},
		{"an_empty_string_stays", `{"data":""}`, `{"data":""}`},
		{"not_base64_is_on_error", `{"data":"%%%"}`, "drop"},
		{"not_json_is_on_error", `{"data":"AAAA"}`, "drop"},
		{"query", `{"q":"v=1&w=2"}`, `{"q":"v=1"}`},
		{"a_number_is_on_error", `{"q":4}`, "drop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := send(t, "POST", "https://h.example.org/", c.in)
			out := set.Apply(m, testEnv())
			check(t, m, out, c.want)
			if c.name == "nested" && !slices.ContainsFunc(out.Edits, func(e rules.Edit) bool {
				return e.Selector == "$.data > $.n > $.x" && e.Transform == "round" && e.Listed
			}) {
				t.Errorf("no edit of the nested value in %+v", out.Edits)
			}
		})
	}
}

const batchText = `
product: p
hosts: {h.example.org: telemetry}
kinds: {play: {title: Plays}, click: {title: Clicks}}
rules:
  - id: r
    match: {host: h.example.org}
    then: generalize
    each:
      path: $.batch[*]
      events:
        - {match: {$.type: play}, kind: play, fields: {$.type: keep, $.len: {bucket: [10, 20]}, $.who: {random: {link: who}}}}
        - {match: {$.type: click}, kind: click, fields: {$.type: keep}, unlisted: keep}
        - {match: {$.type: strict}, fields: {$.type: keep}, unlisted: drop}
        - {match: {$.type: secret}, then: drop}
        - {match: {$.type: free}, then: pass}
        - match: {$.type: group}
          fields: {$.type: keep}
          each: {path: "$.items[*]", events: [{match: {$.ok: true}, fields: {$.ok: keep}}]}
    fields: {$.sent: {truncate: day}}
`

func TestEach(t *testing.T) {
	set := load(t, rules.Options{}, batchText)
	for _, c := range []struct{ name, in, want string }{
		{"first_match_for_each_element", `{"batch":[{"type":"play","len":12,"x":1},{"type":"click","x":2}],"sent":"2025-01-02T03:04:05Z","k":1}`,
			`{"batch":[{"type":"play","len":10},{"type":"click","x":2}],"sent":"2025-01-02T00:00:00Z"}`},
		{"unmatched_elements_are_dropped", `{"batch":[{"type":"other"},{"type":"click"}]}`, `{"batch":[{"type":"click"}]}`},
		{"failing_elements_are_dropped", `{"batch":[{"type":"play","len":2},{"type":"click"}]}`, `{"batch":[{"type":"click"}]}`},
		{"an_empty_array_sends_nothing", `{"batch":[{"type":"other"}],"sent":"2025-01-02T03:04:05Z"}`, "drop"},
		{"no_array_sends_nothing", `{"sent":"2025-01-02T03:04:05Z"}`, "drop"},
		{"unlisted_drop_drops_the_element", `{"batch":[{"type":"strict","a":1},{"type":"strict"}]}`, `{"batch":[{"type":"strict"}]}`},
		{"then_drop_and_pass", `{"batch":[{"type":"secret"},{"type":"free","a":{"b":[1]}}]}`, `{"batch":[{"type":"free","a":{"b":[1]}}]}`},
		{"nested", `{"batch":[{"type":"group","items":[{"ok":true,"v":1},{"ok":false}]}]}`, `{"batch":[{"type":"group","items":[{"ok":true}]}]}`},
		{"nested_empty_drops_the_element", `{"batch":[{"type":"click"},{"type":"group","items":[{"ok":false}]}]}`, `{"batch":[{"type":"click"}]}`},
		{"a_name_that_is_there_twice_drops_the_element", `{"batch":[{"type":"click"},{"type":"click","type":"play"}]}`, `{"batch":[{"type":"click"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := send(t, "POST", "https://h.example.org/", c.in)
			check(t, m, set.Apply(m, testEnv()), c.want)
		})
	}
	t.Run("switches_hold_for_elements", func(t *testing.T) {
		off := set.With(rules.Choices{Switch: map[string]map[string]rules.Verdict{"p": {"click": rules.Drop, "play": rules.Pass}}})
		m := send(t, "POST", "https://h.example.org/", `{"batch":[{"type":"play","len":1},{"type":"click"}]}`)
		check(t, m, off.Apply(m, testEnv()), `{"batch":[{"type":"play","len":1}]}`)
	})
	t.Run("linked_random_values", func(t *testing.T) {
		m := send(t, "POST", "https://h.example.org/", `{"batch":[{"type":"play","who":"aaaa"},{"type":"play","who":"bbbb"},{"type":"play","who":"aaaa"}]}`)
		out := set.Apply(m, testEnv())
		got := strings.Split(string(out.Messages[0].Message.Body), `"who":"`)
		if len(got) != 4 || got[1][:4] != got[3][:4] || got[1][:4] == got[2][:4] || got[1][:4] == "aaaa" {
			t.Errorf("got %s", out.Messages[0].Message.Body)
		}
	})
	t.Run("an_empty_batch_says_so", func(t *testing.T) {
		m := send(t, "POST", "https://h.example.org/", `{"batch":[]}`)
		if out := set.Apply(m, testEnv()); out.Reason != rules.EmptyBatch || len(out.Messages) > 0 {
			t.Errorf("got %s %s", out.Verdict, out.Reason)
		}
	})
}

func TestTarget(t *testing.T) {
	for _, c := range []struct{ name, rules, url, want string }{
		{"query_is_unlisted_too", fields("", `query:v: keep`, `query:dur: {round: 10}`), "/c/a?v=1%2e2&cid=777&dur=14", "/c/a?v=1%2e2&dur=10"},
		{"nothing_left_leaves_no_question_mark", fields("", `$.a: keep`), "/c?x=1", "/c"},
		{"keep_leaves_it_as_it_is", fields("    unlisted: keep\n", `query:cid: remove`), "/c?x=a+b%20c&cid=1&&y", "/c?x=a+b%20c&y"},
		{"values_are_percent_encoded", fields("", `query:v: {replace: "a b&c=d/é"}`), "/c?v=1", "/c?v=a%20b%26c%3Dd%2F%C3%A9"},
		{"twice_is_decided_twice", fields("", `query:v: {round: 10}`), "/c?v=14&v=26", "/c?v=10&v=30"},
		{"unlisted_drop", fields("    unlisted: drop\n", `query:v: keep`), "/c?v=1&w=2", "drop"},
		{"path_segments", fields("", `path:2: {replace: x}`), "/users/ann%20b/end", "/users/x/end"},
		{"path_segment_random", fields("", `path:2: remove`), "/users/ann/end", "/users/end"},
		{"linked_fields_of_a_query", fields("", `query:d: {round: 100}`, `query:p: {derive: {share_of: "query:d", edges: [0.5], factors: [0.25, 1]}}`), "/c?p=10&d=251", "/c?p=75&d=300"},
		{"on_error", fields("", `query:v: {bucket: [10, 20]}`), "/c?v=1", "drop"},
		{"the_only_parameter", fields("    unlisted: keep\n", `query:v: remove`), "/c?v=1", "/c"},
		{"on_error_remove", fields("", `query:v: {bucket: [10, 20], on_error: remove}`, `query:w: keep`), "/c?v=1&w=2", "/c?w=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, c.rules)
			m := send(t, "GET", "https://h.example.org"+c.url, "")
			out := set.Apply(m, testEnv())
			got := string(out.Verdict)
			if len(out.Messages) > 0 {
				got = out.Messages[0].Message.Target()
			}
			if got != c.want {
				t.Errorf("got %s, want %s (%s)", got, c.want, out.Detail)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	in := []string{"User-Agent: Mozilla/5.0 (me)", "Accept: text/html,*/*;q=0.8", "Content-Type: application/json", "Referer: https://nas.home/", "Cookie: sid=abc; theme=dark", "X-App: 7", "Content-Length: 13"}
	for _, c := range []struct{ name, rules, want string }{
		{"remove", fields("", `$.a: keep`), "User-Agent=scrim|Accept=*/*|Content-Type=application/json|Content-Length=7"},
		{"kept_by_name", fields("", `$.a: keep`, `header:X-App: keep`, `header:User-Agent: keep`, `cookie:theme: keep`),
			"Accept=*/*|Content-Type=application/json|Content-Length=7|User-Agent=Mozilla/5.0 (me)|X-App=7|Cookie=theme=dark"},
		{"transformed", fields("", `$.a: keep`, `header:X-App: {round: 10}`, `cookie:sid: {replace: "a b"}`),
			"User-Agent=scrim|Accept=*/*|Content-Type=application/json|Content-Length=7|X-App=10|Cookie=sid=a%20b"},
		{"drop_removes_header_fields", fields("    unlisted: drop\n", `$.a: keep`, `$.b: remove`, `cookie:sid: remove`, `cookie:theme: remove`),
			"User-Agent=scrim|Accept=*/*|Content-Type=application/json|Content-Length=7"},
		{"keep", fields("    unlisted: keep\n", `$.b: remove`, `header:Referer: remove`),
			"User-Agent=Mozilla/5.0 (me)|Accept=text/html,*/*;q=0.8|Content-Type=application/json|Cookie=sid=abc; theme=dark|X-App=7|Content-Length=7"},
		{"keep_without_one_cookie", fields("    unlisted: keep\n", `$.b: remove`, `cookie:sid: remove`, `header:Referer: remove`),
			"User-Agent=Mozilla/5.0 (me)|Accept=text/html,*/*;q=0.8|Content-Type=application/json|X-App=7|Content-Length=7|Cookie=theme=dark"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, c.rules)
			m := send(t, "POST", "https://h.example.org/", `{"a":1,"b":2}`, in...)
			out := set.Apply(m, testEnv())
			if len(out.Messages) != 1 {
				t.Fatalf("got %s %s", out.Verdict, out.Detail)
			}
			var got []string
			for _, h := range out.Messages[0].Message.Header {
				got = append(got, h.Name+"="+h.Value)
			}
			if text := strings.Join(got, "|"); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

func TestPartsAndRelease(t *testing.T) {
	text := `
hosts: {h.example.org: telemetry}
rules:
  - id: r
    match: {host: h.example.org}
    then: generalize
    parts:
      - name: play
        fields: {$.len: {round: 10}, $.id: {random: {link: id}}, $.id2: {random: {link: id}}}
        release: {at: "04:00", cap: 8, max_age: 7d, pad: 64}
      - name: rate
        fields: {$.rate: {round: 100}}
        profiles: [generalized]
    reply: {status: 202, body: "ok"}
`
	set := load(t, rules.Options{}, text)
	m := send(t, "POST", "https://h.example.org/", `{"len":14,"rate":149,"id":"abcd","id2":"abcd"}`)
	out := set.Apply(m, testEnv())
	if len(out.Messages) != 2 || out.Messages[0].Origin || out.Messages[1].Origin || out.Reply.Status != 202 {
		t.Fatalf("got %+v", out)
	}
	play, rate := out.Messages[0], out.Messages[1]
	if len(play.Message.Body) != 64 || !strings.HasPrefix(string(play.Message.Body), `{"len":10,"id":"`) || play.Release.Cap != 8 || play.Release.At[0] != "04:00" {
		t.Errorf("got %q %+v", play.Message.Body, play.Release)
	}
	if id := string(play.Message.Body); strings.Count(id, id[16:20]) != 2 || id[16:20] == "abcd" {
		t.Errorf("linked values differ: %s", id)
	}
	if string(rate.Message.Body) != `{"rate":100}` || rate.Release != nil {
		t.Errorf("got %q %+v", rate.Message.Body, rate.Release)
	}
	t.Run("strict_leaves_out_parts", func(t *testing.T) {
		out := set.With(rules.Choices{Profile: map[string]string{"": "strict"}}).Apply(m, testEnv())
		if len(out.Messages) != 1 || out.Messages[0].Part != "play" {
			t.Errorf("got %+v", out.Messages)
		}
	})
	t.Run("a_body_over_pad_is_on_error", func(t *testing.T) {
		m := send(t, "POST", "https://h.example.org/", `{"id":"`+strings.Repeat("a", 80)+`"}`)
		if out := set.Apply(m, testEnv()); out.Verdict != rules.Drop || out.Reason != rules.OnFault {
			t.Errorf("got %s %s", out.Verdict, out.Reason)
		}
	})
	t.Run("a_failing_part_drops_the_event", func(t *testing.T) {
		m := send(t, "POST", "https://h.example.org/", `{"len":14,"rate":"many"}`)
		out := set.Apply(m, testEnv())
		if out.Verdict != rules.Drop || len(out.Messages) != 0 || !strings.HasPrefix(out.Detail, "$.rate: round: ") {
			t.Errorf("got %s %q", out.Verdict, out.Detail)
		}
	})
}

func TestCodings(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: keep`))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, `{"a":1,"b":2}`)
	w.Close()
	for _, header := range [][]string{nil, {"Content-Encoding: gzip"}} {
		m := send(t, "POST", "https://h.example.org/", b.String(), header...)
		out := set.Apply(m, testEnv())
		if len(out.Messages) != 1 {
			t.Fatal(out.Detail)
		}
		r, err := gzip.NewReader(bytes.NewReader(out.Messages[0].Message.Body))
		if err != nil {
			t.Fatal(err)
		}
		var plain bytes.Buffer
		plain.ReadFrom(r)
		if plain.String() != `{"a":1}` || out.Messages[0].Message.Get("Content-Encoding") != strings.TrimPrefix(strings.Join(header, ""), "Content-Encoding: ") {
			t.Errorf("got %s, %+v", plain.String(), out.Messages[0].Message.Header)
		}
	}
	t.Run("garbage_is_on_error", func(t *testing.T) {
		m := send(t, "POST", "https://h.example.org/", b.String()[:20], "Content-Encoding: gzip")
		check(t, m, set.Apply(m, testEnv()), "drop")
	})
	t.Run("a_body_that_a_door_cut_is_on_error", func(t *testing.T) {
		for _, f := range []rules.BodyFault{rules.BodyTooLarge, rules.BodyIncomplete} {
			m := send(t, "POST", "https://h.example.org/", "")
			m.BodyFault = f
			check(t, m, set.Apply(m, testEnv()), "drop")
		}
	})
}

// TestCanaries holds that nothing of a message that the rule does not list is in what leaves, in edits or in errors.
func TestCanaries(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	set := load(t, rules.Options{}, fields("",
		`$.keep: keep`, `$.a.n: {bucket: [10, 20]}`, `$.b[*].t: {truncate: day}`, `$.c: {prefix: 24}`, `$.d: {inside: [base64, json], fields: {$.x: {round: 5}}}`,
		`query:k: {round: 10}`, `header:X-K: {map: {a: b}}`))
	for i := range 400 {
		canary := fmt.Sprintf("canary%08x", random.Uint32())
		values := []string{`"` + canary + `"`, `["` + canary + `"]`, `{"x":"` + canary + `"}`, "12", "null", `"2025-01-01T10:00:00Z"`, `"192.0.2.7"`, `"` + canary[:8] + `"`}
		pick := func() string { return values[random.IntN(len(values))] }
		text := fmt.Sprintf(`{"keep":1,"a":{"n":%s,"m":%s},"b":[{"t":%s},{"u":%s}],"c":%s,"d":%s,"e":%s}`, pick(), pick(), pick(), pick(), pick(), pick(), pick())
		m := send(t, "POST", "https://h.example.org/?who="+canary, text, "Referer: "+canary, "Cookie: a="+canary)
		if i%3 == 0 {
			m.Query += "&k=" + canary
		}
		if i%5 == 0 {
			m.Header = append(m.Header, rules.Field{Name: "X-K", Value: canary})
		}
		out := set.Apply(m, testEnv())
		seen := fmt.Sprintf("%+v %v", *out, out.Rule)
		for _, o := range out.Messages {
			seen += string(o.Message.Body)
		}
		if strings.Contains(seen, canary) || strings.Contains(seen, canary[6:]) {
			t.Fatalf("canary in the outcome of %s:\n%s", text, seen)
		}
	}
}
