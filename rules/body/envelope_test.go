package body

import (
	"errors"
	"strings"
	"testing"
)

const (
	envHeader = `{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc", "sent_at":"2024-01-15T20:02:00Z"}`
	envEvent  = `{"type":"event","length":27}` + "\n" + `{"message": "m", "user":{}}`
	envMini   = `{"type":"attachment","length":9,"filename":"a.dmp"}` + "\n" + "MDMP\x93\n\n\x00{"
	envLog    = `{"type":"attachment"}` + "\n" + "a line of text"
	env       = envHeader + "\n" + envEvent + "\n" + envMini + "\n" + envLog + "\n"
)

func TestEnvelope(t *testing.T) {
	runTextCases(t, decodeAs(t, Envelope, "", env), []textCase{
		{"header", "header.event_id", String, "9ec79c33ec9942ab8353589fcb2e04dc"},
		{"item_header", "items.0.header.type", String, "event"},
		{"json_payload", "items.0.payload.message", String, "m"},
		{"attachment_is_bytes", "items.1.payload", Bytes, "MDMP\x93\n\n\x00{"},
		{"implicit_length", "items.2.payload", String, "a line of text"},
	})
	cases := []struct{ behaviour, src string }{
		{"length_too_long", envHeader + "\n{\"length\":99}\n{}\n"},
		{"length_too_short", envHeader + "\n{\"length\":1}\n{}\n"},
		{"length_negative", envHeader + "\n{\"length\":-1}\n{}\n"},
		{"length_in_a_string", envHeader + "\n{\"length\":\"2\"}\n{}\n"},
		{"length_with_a_fraction", envHeader + "\n{\"length\":2.0}\n{}\n"},
		{"length_twice", envHeader + "\n{\"length\":2,\"l\\u0065ngth\":2}\n{}\n"},
		{"header_that_is_no_object", "[]\n"},
		{"item_header_that_is_no_object", envHeader + "\n5\n\n"},
		{"truncated_header", envHeader[:20]},
		{"truncated_item_header", envHeader + "\n{\"type\":"},
		{"more_after_a_header", envHeader + " {}\n"},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			var syntax *SyntaxError
			if _, err := Decode(Envelope, "", []byte(c.src), Limits{}); !errors.As(err, &syntax) {
				t.Errorf("got %v, want a SyntaxError", err)
			}
			if _, err := Decode("", "application/x-sentry-envelope", []byte(c.src), Limits{}); !errors.As(err, &syntax) {
				t.Errorf("labelled: got %v, want a SyntaxError", err)
			}
		})
	}
}

func TestEnvelopeEncode(t *testing.T) {
	runEncodeCases(t, []encodeCase{
		{"keeps_all", Envelope, "", env, Keep, nil, nil, env},
		{"recomputes_a_length", Envelope, "", env, Keep, map[string]Act{"items.0.payload.user": Remove}, nil,
			strings.Replace(env, envEvent, `{"type":"event","length":16}`+"\n"+`{"message": "m"}`, 1)},
		{"removes_an_item_with_its_header", Envelope, "", env, Keep, map[string]Act{"items.1": Remove}, nil, envHeader + "\n" + envEvent + "\n" + envLog + "\n"},
		{"removing_a_payload_leaves_length_0", Envelope, "", env, Keep, map[string]Act{"items.1.payload": Remove}, nil,
			strings.Replace(env, envMini, `{"type":"attachment","length":0,"filename":"a.dmp"}`+"\n", 1)},
		{"a_length_that_a_rule_removes_stays_and_is_right", Envelope, "", env, Keep, map[string]Act{"items.0.header.length": Remove, "items.0.payload.message": Remove}, nil,
			strings.Replace(env, envEvent, `{"type":"event","length":11}`+"\n"+`{"user":{}}`, 1)},
		{"a_payload_with_line_ends_gets_a_length", Envelope, "", env, Keep, nil, map[string]Value{"items.2.payload": str("a\nb")},
			strings.Replace(env, envLog, `{"type":"attachment","length":3}`+"\na\nb", 1)},
		{"unlisted_members_go_but_the_length", Envelope, "", env, Remove, map[string]Act{"header.event_id": Keep, "items.0.header.type": Keep, "items.0.payload.message": Keep}, nil,
			`{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}` + "\n" + `{"type":"event","length":15}` + "\n" + `{"message":"m"}` + "\n"},
		{"a_payload_alone_has_a_header", Envelope, "", env, Remove, map[string]Act{"items.2.payload": Keep}, nil, "{}\n{}\na line of text\n"},
		{"a_payload_alone_with_line_ends_has_a_length", Envelope, "", env, Remove, map[string]Act{"items.1.payload": Keep}, nil, "{}\n{\"length\":9}\nMDMP\x93\n\n\x00{\n"},
		{"nothing_listed_leaves_a_header", Envelope, "", env, Remove, nil, nil, "{}\n"},
		{"without_items", Envelope, "", "{}", Keep, nil, nil, "{}"},
	})
	t.Run("encoding_leaves_the_plan_as_it_was", func(t *testing.T) {
		tree := decodeAs(t, Envelope, "", env)
		p := NewPlan(tree, Remove)
		p.Decide(at(t, tree, "items.0.payload.message"), Keep)
		first, _ := Encode(nil, tree, p)
		second, _ := Encode(nil, tree, p)
		if n := at(t, tree, "items.0.header.length"); string(first) != string(second) || p.Act(n) != Undecided {
			t.Errorf("got %q then %q, act %d", first, second, p.Act(n))
		}
	})
	t.Run("a_replaced_item_header_is_refused", func(t *testing.T) {
		tree := decodeAs(t, Envelope, "", env)
		p := NewPlan(tree, Keep)
		p.ReplaceWith(at(t, tree, "items.0.header"), Value{Object, "{}"})
		if _, err := Encode(nil, tree, p); !errors.Is(err, ErrOpaque) {
			t.Errorf("got %v, want ErrOpaque", err)
		}
	})
}
