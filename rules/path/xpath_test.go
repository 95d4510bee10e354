package path

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// xmlTree builds the tree of an XML document as rules/body does, from encoding/xml's raw tokens.
func xmlTree(tb testing.TB, src string) *tree {
	tb.Helper()
	t := &tree{}
	t.add('{', "", "", -1, -1)
	open, last := []int32{0}, []int32{-1}
	add := func(kind byte, name, text string) int32 {
		top := len(open) - 1
		n := t.add(kind, name, text, open[top], last[top])
		last[top] = n
		return n
	}
	written := func(n xml.Name) string {
		if n.Space != "" {
			return n.Space + ":" + n.Local
		}
		return n.Local
	}
	d := xml.NewDecoder(strings.NewReader(src))
	for {
		tok, err := d.RawToken()
		if err != nil {
			return t
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			n := add('{', written(tok.Name), "")
			open, last = append(open, n), append(last, -1)
			for _, a := range tok.Attr {
				add('"', "@"+written(a.Name), a.Value)
			}
		case xml.EndElement:
			open, last = open[:len(open)-1], last[:len(last)-1]
		case xml.CharData:
			if len(strings.TrimSpace(string(tok))) > 0 {
				add('"', "#text", string(tok))
			}
		}
	}
}

// label names a node by its path of names, with positions among equal names from 1.
func (t *tree) label(n int32) string {
	if n == 0 {
		return "/"
	}
	parent, position := t.parent(n), 1
	for c := t.First(parent); c != n; c = t.Next(c) {
		if t.Name(c) == t.Name(n) {
			position++
		}
	}
	if parent == 0 {
		return fmt.Sprintf("/%s%d", t.Name(n), position)
	}
	return fmt.Sprintf("%s/%s%d", t.label(parent), t.Name(n), position)
}

const mediaXML = `<r:root xmlns:r="urn:r" size="2">
 <item id="1" r:k="x"><name>first</name><len>5640</len></item>
 <item id="2"><name>second <b>one</b> here</name><len>90</len><item id="3"><name>in</name></item></item>
 <other id="1">text</other>
 <or>and</or>
</r:root>`

func TestXPath(t *testing.T) {
	for _, c := range []struct{ name, path, want string }{
		{"document", `/`, `/`},
		{"absolute", `/r:root/item/name`, `/r:root1/item1/name1 /r:root1/item2/name1`},
		{"relative_is_from_the_root", `r:root/other`, `/r:root1/other1`},
		{"prefix_is_part_of_the_name", `/root`, ``},
		{"any_element", `/r:root/*`, `/r:root1/item1 /r:root1/item2 /r:root1/other1 /r:root1/or1`},
		{"any_with_prefix", `/r:*`, `/r:root1`},
		{"attribute", `/r:root/item/@id`, `/r:root1/item1/@id1 /r:root1/item2/@id1`},
		{"any_attribute", `/r:root/item[1]/@*`, `/r:root1/item1/@id1 /r:root1/item1/@r:k1`},
		{"attribute_with_prefix", `//@r:k`, `/r:root1/item1/@r:k1`},
		{"any_attribute_of_a_prefix", `//@r:*`, `/r:root1/item1/@r:k1`},
		{"attributes_are_no_elements", `/r:root/item[1]/node()`, `/r:root1/item1/name1 /r:root1/item1/len1`},
		{"text", `/r:root/other/text()`, `/r:root1/other1/#text1`},
		{"all_text_in_document_order", `/r:root/item[2]/name//text()`, `/r:root1/item2/name1/#text1 /r:root1/item2/name1/b1/#text1 /r:root1/item2/name1/#text2`},
		{"everywhere", `//item`, `/r:root1/item1 /r:root1/item2 /r:root1/item2/item1`},
		{"below", `/r:root//name`, `/r:root1/item1/name1 /r:root1/item2/name1 /r:root1/item2/item1/name1`},
		{"each_node_once", `//item//name`, `/r:root1/item1/name1 /r:root1/item2/name1 /r:root1/item2/item1/name1`},
		{"union_in_document_order", `//other | /r:root/item[1]|//other`, `/r:root1/item1 /r:root1/other1`},
		{"self", `/r:root/./other/.`, `/r:root1/other1`},
		{"position", `/r:root/item[2]`, `/r:root1/item2`},
		{"position_counts_in_its_parent", `//item[1]`, `/r:root1/item1 /r:root1/item2/item1`},
		{"last", `/r:root/item[last()]/@id`, `/r:root1/item2/@id1`},
		{"position_compared", `/r:root/*[position()>2]`, `/r:root1/other1 /r:root1/or1`},
		{"predicates_count_anew", `/r:root/*[@id='1'][2]`, `/r:root1/other1`},
		{"has_attribute", `//*[@r:k]`, `/r:root1/item1`},
		{"attribute_value", `//item[@id="2"]/len`, `/r:root1/item2/len1`},
		{"child_value", `//item[name='first']`, `/r:root1/item1`},
		{"string_value_of_mixed_content", `//item[name='second one here']/@id`, `/r:root1/item2/@id1`},
		{"number_compared", `//item[len>100]`, `/r:root1/item1`},
		{"number_equal", `//item[len=90.0]`, `/r:root1/item2`},
		{"nodes_compared_with_nodes", `//item[@id=//other/@id]`, `/r:root1/item1`},
		{"not_equal_to_any", `//item[@id!='1']`, `/r:root1/item2 /r:root1/item2/item1`},
		{"and_or_not", `//item[@id and not(@r:k) or len = 5640]`, `/r:root1/item1 /r:root1/item2 /r:root1/item2/item1`},
		{"parentheses", `//item[(@id='1' or @id='3') and name='in']`, `/r:root1/item2/item1`},
		{"contains", `//name[contains(.,'eco')]`, `/r:root1/item2/name1`},
		{"starts_with", `//name[starts-with(text(),'fir')]`, `/r:root1/item1/name1`},
		{"path_in_predicate", `/r:root/item[item/name='in']`, `/r:root1/item2`},
		{"absolute_in_predicate", `//other[/r:root/@size=2]`, `/r:root1/other1`},
		{"below_in_predicate", `/r:root/item[.//b]`, `/r:root1/item2`},
		{"count", `/r:root/item[count(*)=3]`, `/r:root1/item2`},
		{"string_length", `//name[string-length()=2]`, `/r:root1/item2/item1/name1`},
		{"normalize_space", `//name[normalize-space(.)='second one here']`, `/r:root1/item2/name1`},
		{"name_function", `/r:root/*[name()='other']`, `/r:root1/other1`},
		{"element_named_like_an_operator", `/r:root/or[.='and']`, `/r:root1/or1`},
		{"true_false", `/r:root/other[true()][not(false())]`, `/r:root1/other1`},
		{"missing_compares_false", `//item[@nosuch='1' or @nosuch!='1']`, ``},
		{"missing_less", `//item[nosuch<1]`, ``},
		{"text_is_no_number", `//item[name<1 or name>=1]`, ``},
		{"white_space", " / r:root / item [ @id = '1' ] / name ", `/r:root1/item1/name1`},
		{"position_out_of_reach", `/r:root/item[9]`, ``},
		{"last_of_everything", `/r:root/*[last()]`, `/r:root1/or1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := ParseXPath(c.path)
			if err != nil {
				t.Fatal(err)
			}
			doc := xmlTree(t, mediaXML)
			var got []string
			for _, n := range x.Select(nil, doc, 0) {
				got = append(got, doc.label(n))
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.path, g, c.want)
			}
			if x.String() != c.path {
				t.Errorf("got %q as written, want %q", x.String(), c.path)
			}
		})
	}
}

func TestXPathRefuses(t *testing.T) {
	for _, src := range []string{
		``, ` `, `///a`, `/a/`, `/a//`, `a/`, `/a[`, `/a[]`, `/a[1`, `/a]`, `/a[1]]`, `/..`, `/a/..`, `/child::a`, `/a/ancestor::b`, `/@`, `/a/@`, `/a/text` + `(`, `/a/text(1)`, `/a/comment()`, `/a/processing-instruction()`,
		`/a[@b=]`, `/a[='x']`, `/a['x]`, `/a[b='x"]`, `/a[1+1]`, `/a[b or]`, `/a[and b]`, `/a[not()]`, `/a[not(a,b)]`, `/a[nosuch(b)]`, `/a[contains(b)]`, `/a[contains(b,'c','d')]`, `/a[count('x')]`, `/a[name('x')]`, `/a[last(]`, `/a[position( 1)]`,
		`/1a`, `/a b`, `/a|`, `|/a`, `/a,b`, `/ns:`, `/:a`, `/$x`, `$.a`, `/a[-]`, `/a[.5.5]`, `/a[(b]`, `/a[b)]`, "/a\xff", `/a[!b]`, `/a[b==c]`, `a*b`,
	} {
		x, err := ParseXPath(src)
		var syntax *SyntaxError
		if x != nil || !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(src) {
			t.Errorf("ParseXPath(%q): got %v, %v; want a SyntaxError", src, x, err)
		}
	}
	for name, src := range map[string]string{
		"predicates": strings.Repeat("a[", 1e4) + "b" + strings.Repeat("]", 1e4), "parentheses": "a[" + strings.Repeat("(", 1e4) + "b" + strings.Repeat(")", 1e4) + "]",
		"calls": "a[" + strings.Repeat("not(", 1e4) + "b" + strings.Repeat(")", 1e4) + "]", "long": strings.Repeat("a/", MaxLength) + "a",
	} {
		if _, err := ParseXPath(src); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestXPathOnDeepTreeIsBounded(t *testing.T) {
	doc := &tree{}
	parent := doc.add('{', "", "", -1, -1)
	for range 100_000 {
		parent = doc.add('{', "a", "", parent, -1)
	}
	doc.add('"', "#text", "x", parent, -1)
	for path, want := range map[string]int{"//a//text()": 1, "//a//a": 99_999, "/a[.='x']//text()": 1} {
		x, err := ParseXPath(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(x.Select(nil, doc, 0)); got != want {
			t.Errorf("%s: got %d nodes, want %d", path, got, want)
		}
	}
}

func FuzzXPath(f *testing.F) {
	for _, s := range []string{`/r:root/item[@id='1' and position()<last()]/name//text()|//other`, `//*[contains(.,"x") or not(count(a)>1.5)]`} {
		f.Add(s)
	}
	doc := xmlTree(f, mediaXML)
	f.Fuzz(func(t *testing.T, src string) {
		x, err := ParseXPath(src)
		if err != nil || len(src) > 200 {
			return
		}
		last := int32(-1)
		for _, n := range x.Select(nil, doc, 0) {
			if n <= last || int(n) >= len(doc.nodes) {
				t.Fatalf("%q: node %d after %d of %d", src, n, last, len(doc.nodes))
			}
			last = n
		}
	})
}

func TestProto(t *testing.T) {
	// Fields as names; message 1 stands twice, field 2 in it three times and twice.
	doc := parseTree(t, `{"1":{"2":"a","3":{"2":"x"},"2":"b","2":"c"},"2":"top","1":{"2":"d","2":"e"},"4":7}`)
	for _, c := range []struct{ path, want string }{
		{`4`, `7`}, {`2`, `top`}, {`1.2`, `a b c d e`}, {`1[0].2`, `a b c`}, {`1[1].2[1]`, `e`}, {`1.2[0]`, `a d`}, {`1[-1].2[-1]`, `e`}, {`1.3.2`, `x`}, {`1[2].2`, ``}, {`1.2[-3]`, `a`}, {`5`, ``}, {`4.1`, ``},
	} {
		q, err := ParseProto(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		var got []string
		for _, n := range q.Select(nil, doc, 0) {
			got = append(got, doc.Text(n))
		}
		if g := strings.Join(got, " "); g != c.want || q.String() != c.path {
			t.Errorf("%s (%s): got %q, want %q", c.path, q.String(), g, c.want)
		}
	}
	for _, src := range []string{``, `0`, `01`, `-1`, `a`, `1.`, `.1`, `1..2`, `1[`, `1[]`, `1[a]`, `1[0`, `1[01]`, `1[-0]`, `1[0][0]`, `1 .2`, `536870912`, `99999999999999999999`, `1[4294967296]`, `1[*]`} {
		var syntax *SyntaxError
		if q, err := ParseProto(src); !errors.As(err, &syntax) {
			t.Errorf("ParseProto(%q): got %v, %v; want a SyntaxError", src, q, err)
		}
	}
}
