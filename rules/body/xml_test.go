package body

import (
	"errors"
	"testing"
)

const xmlSrc = "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!DOCTYPE d>\n<!-- who -->\n" +
	`<d:Device xmlns:d = "urn:x" id='a &amp; "b"'` + "\n" + ` kind="t&#9;v">` + "\n" +
	`  <name>caf&#xe9; <![CDATA[<&>` + "\r\n" + `]]>&lt;</name><!-- c --><empty  a="1" />` + "\n" +
	`  <mixed>one<b>two</b>three<?pi x?>four</mixed  >` + "\n" + `</d:Device>` + "\n<!-- end -->"

func TestXML(t *testing.T) {
	runTextCases(t, decodeAs(t, "", "text/plain", xmlSrc), []textCase{
		{"document", "", Object, ""},
		{"element", "d:Device", Object, ""},
		{"attribute_with_references", "d:Device.@id", String, `a & "b"`},
		{"attribute_with_a_tab", "d:Device.@kind", String, "t\tv"},
		{"namespace", "d:Device.@xmlns:d", String, "urn:x"},
		{"text_of_references_and_cdata", "d:Device.name.#text", String, "café <&>\n<"},
		{"empty_element", "d:Device.empty.@a", String, "1"},
		{"mixed_content", "d:Device.mixed.b.#text", String, "two"},
	})
	t.Run("runs_end_at_tags_and_instructions", func(t *testing.T) {
		tree := decodeAs(t, XML, "", xmlSrc)
		got := ""
		for c := tree.First(at(t, tree, "d:Device.mixed")); c != none; c = tree.Next(c) {
			got += tree.Name(c) + "=" + tree.Text(c) + " "
		}
		if want := "#text=one b= #text=three #text=four "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestXMLEncode(t *testing.T) {
	const src = `<?xml version="1.0"?><!-- c --><d xmlns="u" a="1"  b='2'> <n>x</n> <m k="v">y<z/></m> <n>w</n> </d>` + "\n"
	runEncodeCases(t, []encodeCase{
		{"keeps_all", XML, "", xmlSrc, Keep, nil, nil, xmlSrc},
		{"removes_an_element", XML, "", src, Keep, map[string]Act{"d.m": Remove}, nil, `<?xml version="1.0"?><!-- c --><d xmlns="u" a="1"  b='2'> <n>x</n>  <n>w</n> </d>` + "\n"},
		{"removes_an_attribute", XML, "", src, Keep, map[string]Act{"d.@a": Remove}, nil, `<?xml version="1.0"?><!-- c --><d xmlns="u"  b='2'> <n>x</n> <m k="v">y<z/></m> <n>w</n> </d>` + "\n"},
		{"removes_a_text", XML, "", src, Keep, map[string]Act{"d.n.#text": Remove}, nil, `<?xml version="1.0"?><!-- c --><d xmlns="u" a="1"  b='2'> <n></n> <m k="v">y<z/></m> <n>w</n> </d>` + "\n"},
		{"escapes_what_it_puts_in", XML, "", src, Keep, nil, map[string]Value{"d.n.#text": str("]]><&\x01"), "d.@b": str("\"'\n<")},
			`<?xml version="1.0"?><!-- c --><d xmlns="u" a="1" b="&quot;'&#10;&lt;"> <n>]]&gt;&lt;&amp;` + "\ufffd" + `</n> <m k="v">y<z/></m> <n>w</n> </d>` + "\n"},
		{"an_element_is_replaced_by_a_text", XML, "", src, Remove, nil, map[string]Value{"d.m": number("5")}, `<?xml version="1.0" encoding="UTF-8"?><d xmlns="u"><m>5</m></d>`},
		{"unlisted_members_go", XML, "", src, Remove, map[string]Act{"d.m.@k": Keep, "d.n.#text": Keep}, nil, `<?xml version="1.0" encoding="UTF-8"?><d xmlns="u"><n>x</n><m k="v"></m></d>`},
		{"keep_all_below_removed", XML, "", src, Remove, map[string]Act{"d.m": KeepAll}, nil, `<?xml version="1.0" encoding="UTF-8"?><d xmlns="u"><m k="v">y<z/></m></d>`},
		{"nothing_listed_leaves_the_document_element", XML, "", "<d a='1'>x</d>", Remove, nil, nil, `<d/>`},
	})
}

func TestXMLFaults(t *testing.T) {
	for _, c := range [][2]string{
		{"unknown_entity", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`},
		{"entity_bomb", `<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>`},
		{"other_end_tag", "<a></b>"}, {"no_end", "<a>"}, {"two_elements", "<a/><b/>"}, {"text_outside", "<a/>x"},
		{"end_without_start", "</a>"}, {"no_element", "<!-- c -->"}, {"no_quotes", "<a b=c/>"}, {"another_charset", `<?xml version="1.0" encoding="utf-16"?><a/>`},
		{"attributes_that_touch", `<a b="1"c="2"/>`}, {"not_utf8", "<a>\xff</a>"},
	} {
		t.Run(c[0], func(t *testing.T) {
			var syntax *SyntaxError
			if _, err := Decode(XML, "", []byte(c[1]), Limits{}); !errors.As(err, &syntax) {
				t.Errorf("got %v, want a SyntaxError", err)
			}
		})
	}
}
