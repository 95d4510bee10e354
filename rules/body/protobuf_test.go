package body

import (
	"errors"
	"testing"
)

// A message: 1: 150; 2: "testing"; 3: {1: 150, 2: fixed32 1}; 4: double 1.5; 5: group {1: -1 as sint}; 2: "again"; 1: 1 in two bytes.
const protoSrc = "\x08\x96\x01" + "\x12\x07testing" + "\x1a\x08\x08\x96\x01\x15\x01\x00\x00\x00" +
	"\x21\x00\x00\x00\x00\x00\x00\xf8\x3f" + "\x2b\x08\x01\x2c" + "\x12\x05again" + "\x08\x81\x00"

func TestProtobuf(t *testing.T) {
	tree := decodeAs(t, Protobuf, "", protoSrc)
	checkShape(t, tree)
	runTextCases(t, tree, []textCase{
		{"varint", "1", Number, "150"},
		{"bytes", "2", Bytes, "testing"},
		{"bytes_that_may_be_a_message", "3", Bytes, "\x08\x96\x01\x15\x01\x00\x00\x00"},
		{"field_in_a_message", "3.1", Number, "150"},
		{"fixed32", "3.2", Number, "1"},
		{"fixed64", "4", Number, "4609434218613702656"},
		{"group", "5.1", Number, "1"},
	})
	readings := []struct {
		path string
		as   As
		want Value
		ok   bool
	}{
		{"1", AsVarint, number("150"), true},
		{"1", AsSint, number("75"), true},
		{"5.1", AsSint, number("-1"), true},
		{"4", AsDouble, number("1.5"), true},
		{"3.2", AsFixed, number("1"), true},
		{"3.2", AsDouble, number("1e-45"), true},
		{"2", AsString, str("testing"), true},
		{"2", AsBytes, Value{Bytes, "testing"}, true},
		{"1", AsString, Value{}, false},
		{"2", AsMessage, Value{}, false},
		{"2", AsVarint, Value{}, false},
		{"4", AsVarint, Value{}, false},
	}
	for _, c := range readings {
		t.Run(c.path+"_as_"+string(c.as), func(t *testing.T) {
			n := at(t, tree, c.path)
			got, err := tree.As(n, c.as)
			if (err == nil) != c.ok || got != c.want {
				t.Fatalf("got %q, %v, want %q", got, err, c.want)
			}
			if !c.ok {
				return
			}
			wire, err := tree.Wire(n, c.as, got)
			if err != nil {
				t.Fatal(err)
			}
			if out := encoded(t, tree, Keep, func(p *Plan) { p.ReplaceWith(n, wire) }); out != protoSrc {
				t.Errorf("put back: got %x, want %x", out, protoSrc)
			}
		})
	}
	t.Run("a_message_as_message", func(t *testing.T) {
		if _, err := tree.As(at(t, tree, "3"), AsMessage); err != nil {
			t.Error(err)
		}
	})
}

func TestProtobufEncode(t *testing.T) {
	const rest = "\x21\x00\x00\x00\x00\x00\x00\xf8\x3f" + "\x2b\x08\x01\x2c" + "\x12\x05again" + "\x08\x81\x00"
	const head = "\x08\x96\x01" + "\x12\x07testing"
	runEncodeCases(t, []encodeCase{
		{"keeps_all", Protobuf, "", protoSrc, Keep, nil, nil, protoSrc},
		{"recomputes_lengths", Protobuf, "", protoSrc, Keep, map[string]Act{"3.2": Remove}, nil, head + "\x1a\x03\x08\x96\x01" + rest},
		{"replaces_a_number", Protobuf, "", protoSrc, Keep, nil, map[string]Value{"3.1": number("-1")}, head + "\x1a\x10\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x15\x01\x00\x00\x00" + rest},
		{"replaces_a_text", Protobuf, "", "\x12\x01x", Keep, nil, map[string]Value{"2": str("yz")}, "\x12\x02yz"},
		{"removes_in_a_group", Protobuf, "", "\x2b\x08\x01\x10\x02\x2c", Keep, map[string]Act{"5.1": Remove}, nil, "\x2b\x10\x02\x2c"},
		{"unlisted_fields_go", Protobuf, "", protoSrc, Remove, map[string]Act{"3.1": Keep, "2": Keep}, nil, "\x12\x07testing\x1a\x03\x08\x96\x01"},
		{"bytes_that_are_kept_stay_whole", Protobuf, "", protoSrc, Remove, map[string]Act{"3": Keep}, nil, "\x1a\x08\x08\x96\x01\x15\x01\x00\x00\x00"},
		{"a_deeper_remove_holds_in_kept_bytes", Protobuf, "", protoSrc, Remove, map[string]Act{"3": Keep, "3.1": Remove}, nil, "\x1a\x05\x15\x01\x00\x00\x00"},
		{"nothing_listed_leaves_nothing", Protobuf, "", protoSrc, Remove, nil, nil, ""},
	})
	t.Run("lengths_over_127_take_more_bytes", func(t *testing.T) {
		long := make([]byte, 200)
		tree := decodeAs(t, Protobuf, "", "\x1a\x05\x12\x01a\x08\x01")
		got := encoded(t, tree, Keep, func(p *Plan) { p.ReplaceWith(at(t, tree, "3.2"), Value{Bytes, string(long)}) })
		if want := "\x1a\xcd\x01\x12\xc8\x01" + string(long) + "\x08\x01"; got != want {
			t.Errorf("got %x, want %x", got, want)
		}
	})
	t.Run("a_value_of_another_type_is_refused", func(t *testing.T) {
		tree := decodeAs(t, Protobuf, "", protoSrc)
		for path, v := range map[string]Value{"1": str("x"), "3.2": number("4294967296"), "4": number("1.5")} {
			p := NewPlan(tree, Keep)
			p.ReplaceWith(at(t, tree, path), v)
			if _, err := Encode(nil, tree, p); !errors.Is(err, ErrOpaque) {
				t.Errorf("%s: got %v, want ErrOpaque", path, err)
			}
		}
	})
}

func TestProtobufFaults(t *testing.T) {
	for _, c := range [][2]string{
		{"field_number_zero", "\x00\x01"}, {"truncated_varint", "\x08\x80"}, {"truncated_fixed64", "\x09\x00"}, {"truncated_fixed32", "\x0d\x00"},
		{"length_over_the_end", "\x12\x05a"}, {"length_of_2_63", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f"}, {"wire_type_6", "\x0e"}, {"end_without_group", "\x0c"},
		{"group_without_end", "\x0b\x08\x01"}, {"end_of_another_group", "\x0b\x14"}, {"text", "hello"},
	} {
		t.Run(c[0], func(t *testing.T) {
			var syntax *SyntaxError
			if _, err := Decode(Protobuf, "", []byte(c[1]), Limits{}); !errors.As(err, &syntax) {
				t.Errorf("got %v, want a SyntaxError", err)
			}
		})
	}
	t.Run("messages_beyond_the_depth_are_bytes", func(t *testing.T) {
		msg := "\x08\x01"
		for range 200 {
			msg = "\x0a" + string(appendUvarint(len(msg))) + msg
		}
		tree := decodeAs(t, Protobuf, "", msg)
		if tree.Len() != 129 {
			t.Errorf("got %d nodes, want 129", tree.Len())
		}
	})
}

func appendUvarint(n int) []byte {
	var b []byte
	for ; n > 127; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}
