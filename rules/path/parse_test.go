package path

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for _, query := range []string{
		``, ` `, ` $`, `$ `, "$\n", `a`, `.a`, `@`, `@.a`, `$a`, `$$`, `$.`, `$..`, `$...a`, `$.a.`, `$. a`, `$.. a`, `$.. [0]`, "$.\na",
		`$.1a`, `$.-a`, `$.a-b`, `$.&`, `$.'a'`, `$."a"`, `$.a b`, `$.**`, `$.*a`, `$..*a`, `$.[0]`, `$.a[`, `$[`, `$]`, `$[]`, `$[ ]`, `$[,]`, `$[0,]`, `$[,0]`, `$[0 1]`, `$[a]`, `$["a]`, `$['a"]`,
		`$[01]`, `$[-0]`, `$[-01]`, `$[+1]`, `$[1.0]`, `$[1e1]`, `$[ - 1]`, `$[9007199254740992]`, `$[-9007199254740992]`, `$[99999999999999999999]`, `$[0x1]`, `$[-]`,
		`$[01:]`, `$[:01]`, `$[::01]`, `$[-0:]`, `$[:-0]`, `$[::-0]`, `$[1:2:3:4]`, `$[:::]`, `$[1:a]`, `$[1.0:]`, `$[::9007199254740992]`, `$[:+1]`, `$[1,:3:1.5]`,
		"$['\t']", "$['\n']", "$['\x00']", "$[\"\x1f\"]", `$['\a']`, `$['\"']`, `$["\'"]`, `$['\']`, `$['\u12']`, `$['\u12x4']`, `$['\U0041']`, `$['\x41']`,
		`$['\uD800']`, `$['\uDC00']`, `$['\uD800\u0041']`, `$['\uD800\uD800']`, `$['\uD800\\uDC00']`, `$['\uD800x']`, `$['\0']`, `$['`, `$['a\`, "$['\xff']", "$.\xc3",
		`$[?]`, `$[? ]`, `$?@.a`, `$[?@.a`, `$[?(@.a]`, `$[?@.a)]`, `$[?()]`, `$[?a]`, `$[?true]`, `$[?null]`, `$[?1]`, `$[?'a']`, `$[?-1]`, `$[?1 && @.a]`, `$[?@.a && 'x']`, `$[?(true)]`, `$[?!1]`,
		`$[?@.a=1]`, `$[?@.a===1]`, `$[?@.a=='x]`, `$[?@.a==]`, `$[?==1]`, `$[?@.a==x]`, `$[?@.a==TRUE]`, `$[?@.a==True]`, `$[?@.a==nullx]`, `$[?@.a<>1]`, `$[?@.a=<1]`, `$[?@.a= =1]`, `$[?@.a! =1]`, `$[?@.a< =1]`, `$[?@.a==1==1]`,
		`$[?@.a & @.b]`, `$[?@.a | @.b]`, `$[?@.a &&]`, `$[?&& @.a]`, `$[?@.a & & @.b]`, `$[?@.a and @.b]`, `$[?!]`, `$[?!!@.a]`, `$[?!@.a==1]`, `$[?!(@.a)==1]`, `$[?@.a==!1]`, `$[?(@.a)==1]`, `$[?@.a==(1)]`, `$[?not @.a]`,
		`$[?@.a==01]`, `$[?@.a==.1]`, `$[?@.a==1.]`, `$[?@.a==-.1]`, `$[?@.a==+1]`, `$[?@.a==1e]`, `$[?@.a==1e+]`, `$[?@.a==- 1]`, `$[?@.a==1.e1]`, `$[?@.a==-]`, `$[?@.a==-01]`, `$[?@.a==0x1]`, `$[?@.a==NaN]`, `$[?@.a==1_000]`,
		`$[?@.*==1]`, `$[?@..a==1]`, `$[?@[*]==1]`, `$[?@[0:1]==1]`, `$[?@[0,1]==1]`, `$[?@['a','b']==1]`, `$[?@[?@.a]==1]`, `$[?1==@.*]`, `$[?$..a==$..b]`, `$[?@.a==@[::]]`, `$[?@[ 'a' ]==1]`,
		`$[?@.a==[1]]`, `$[?@.a=={}]`, `$[?@ . a]`, `$[?@. a==1]`, `$[?.a]`, `$[?(@.a),]`, `$[(@.a)]`, `$[?@.a,]`, `$.?@.a`, `$..?@.a`,
		`$[?length(@)]`, `$[?length (@)==1]`, `$[?length()==1]`, `$[?length(@,@)==1]`, `$[?length(@.*)==1]`, `$[?length(@..a)==1]`, `$[?length(match(@,'a'))==1]`, `$[?length(@.a==1)==1]`, `$[?length(true && false)==1]`, `$[?length((@))==1]`, `$[?length(!@)==1]`, `$[?length(@ @)==1]`, `$[?length(@,)==1]`, `$[?length(,@)==1]`, `$[?length(@==1]`,
		`$[?count(1)==1]`, `$[?count('a')==1]`, `$[?count(true)==1]`, `$[?count(@.*)]`, `$[?count()==1]`, `$[?count(@,@)==1]`, `$[?count(value(@))==1]`, `$[?count(length(@))==1]`,
		`$[?value('a')==1]`, `$[?value(@.a)]`, `$[?value()==1]`, `$[?value(@,1)==1]`, `$[?value(1)==1]`,
		`$[?match(@.a)]`, `$[?match()]`, `$[?match(@,'a','b')]`, `$[?match(@,'a')==true]`, `$[?true==match(@,'a')]`, `$[?match(@.*,'a')]`, `$[?match(@,@..a)]`, `$[?search(@)]`, `$[?search(@,'a')!=false]`, `$[?match(@,'a'),match(@,'b')]`, `$[?match(search(@,'a'),'a')]`,
		`$[?nosuch(@)]`, `$[?LENGTH(@)==1]`, `$[?Length(@)==1]`, `$[?1length(@)==1]`, `$[?_x(@)==1]`, `$length(@)`, `$.length(@)`, `$[length(@)]`,
		"$\u00a0.a", "$[\u20030]", "$\v.a", "$\f.a", "$[?@.a==\u00a01]",
	} {
		q, err := Parse(query)
		var syntax *SyntaxError
		if q != nil || !errors.As(err, &syntax) {
			t.Errorf("Parse(%q): got %v, %v; want a SyntaxError", query, q, err)
			continue
		}
		if syntax.Offset < 0 || syntax.Offset > len(query) || syntax.What == "" {
			t.Errorf("Parse(%q): offset %d, %q", query, syntax.Offset, syntax.What)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	for _, query := range []string{
		`$`, `$._`, `$.a1_`, `$.☺`, "$.\u0080", `$.true`, `$.null`, `$['$']`, `$["@"]`, `$['']`, "$['\x7f']", `$["\uD83D\ude00"]`, `$['\uD7FF\uE000\u0000']`,
		`$[0]`, `$[-1]`, `$[9007199254740991]`, `$[-9007199254740991]`, `$[0:0:0]`, `$[1 :2: 3]`, `$[ : : ]`, `$..[*]`, `$..[ 'a' ]`, `$..*`, `$ ..a`,
		`$[?@]`, `$[?$]`, `$[? @.a ]`, `$[?((@.a))]`, `$[?!(!@.a)]`, `$[?@.a==-0]`, `$[?@.a==-0.0e-0]`, `$[?@.a==12345678901234567890123]`, `$[?@.a==1.5E+10]`, `$[?null==null]`, `$[?@==@]`,
		`$[?@['a']==1]`, `$[?@ ['a'] .b==1]`, `$[?value(@[ 'a' ])==1]`, `$[?count($..*)>0]`, `$[?length("")==0]`, `$[?match("a",'[')]`, `$[?search(@,'')]`, `$[?length(value(@..a))>=count(@.*)]`, `$[?match(value(@..a),'x')]`,
		`$[?@.a,?@.b,'c',0,1:2,*]`, `$[?@[?@[?@.a]]]`, `$[?@.length==1]`, `$[?@.true]`,
	} {
		if _, err := Parse(query); err != nil {
			t.Errorf("Parse(%q): %v", query, err)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	for name, query := range map[string]string{
		"parentheses": "$[?" + strings.Repeat("(", 1e4) + "@" + strings.Repeat(")", 1e4) + "]",
		"filters":     strings.Repeat("$[?", 1) + strings.Repeat("@[?", 1e4) + "@" + strings.Repeat("]", 1e4) + "]",
		"functions":   "$[?" + strings.Repeat("length(", 1e4) + "@" + strings.Repeat(")", 1e4) + "==1]",
		"long":        "$." + strings.Repeat("a", MaxLength),
	} {
		if _, err := Parse(query); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestIRegexp(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{`a.b`, "a\u2028b", true}, {`a.b`, "a\rb", false}, {`[.]`, "a", false}, {`[^a-c]`, "d", true}, {`[a-c-]`, "-", true}, {`[-a]`, "-", true}, {`[\-a]`, "-", true}, {`[\]\[]`, "[", true},
		{`\p{Lu}`, "Ä", true}, {`\P{Lu}`, "Ä", false}, {`[\p{L}\d]`, "a", false}, {`[\p{L}_]+`, "aß_", true}, {`\p{Cn}`, "\u0378", true},
		{`\n\r\t`, "\n\r\t", true}, {`\.\*\+\?\(\)\[\]\{\}\|\\\-\^`, `.*+?()[]{}|\-^`, true}, {`\d`, "1", false}, {`\w`, "a", false}, {`\$`, "$", false}, {`\b`, "", false},
		{`a{2}`, "aa", true}, {`a{2,}`, "aaa", true}, {`a{1,2}`, "aaa", false}, {`a{,2}`, "a", false}, {`a{1001}`, "a", false}, {`a**`, "a", false}, {`a*?`, "a", false}, {`(?:a)`, "a", false}, {`(a`, "a", false}, {`a)`, "a", false}, {`[]`, "", false}, {`[b-a]`, "a", false}, {`[a-\p{L}]`, "a", false}, {`[a`, "a", false}, {`[[a]]`, "a]", false},
		{``, "", true}, {`|a`, "", true}, {`()`, "", true}, {`^ab$`, "ab", true}, {`[^^]`, "^", false}, {`a/b`, "a/b", true}, {`[$]`, "$", true}, {`\p{Xx}`, "a", false}, {`\p{L`, "a", false}, {`\`, `\`, false},
	} {
		if got := compilePattern(c.pattern, true).matches(c.text); got != c.want {
			t.Errorf("match(%q, %q): got %v, want %v", c.text, c.pattern, got, c.want)
		}
	}
	if !compilePattern(`b`, false).matches("abc") {
		t.Error("search finds b in abc: got false, want true")
	}
	if compilePattern(strings.Repeat("(", 5000), false).re != nil || compilePattern(strings.Repeat("(", 500)+strings.Repeat(")", 500), false).re != nil {
		t.Error("patterns that are too long or too deep: got compiled, want none")
	}
}

func TestCompareNumbers(t *testing.T) {
	ordered := []string{"-1e400", "-123.5", "-123.4999", "-1", "-1e-400", "0", "1e-400", "0.0001", "0.001", "0.5", "1", "1.0000000000000000000000001", "9007199254740992", "9007199254740993", "9007199254740993.5", "1e16", "123456789012345678901234567890", "1e400", "1e9999999999999999999"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := compareNumbers(a, b); got != compareInts(int64(i), int64(j)) {
				t.Errorf("compare %s with %s: got %d", a, b, got)
			}
		}
	}
	for _, pair := range [][2]string{{"1", "1.0"}, {"1", "10e-1"}, {"100", "1e2"}, {"0", "-0"}, {"0.0", "0e7"}, {"-0.10", "-1e-1"}, {"0.00012", "12e-5"}, {"123000000000000000000", "1.23e20"}} {
		if got := compareNumbers(pair[0], pair[1]); got != 0 {
			t.Errorf("compare %s with %s: got %d, want 0", pair[0], pair[1], got)
		}
	}
}

func FuzzParseAndSelect(f *testing.F) {
	for _, q := range []string{`$`, `$..a[?@.b==1&&!(@.c<'x')]`, `$[1:2:-1,'a',*]`, `$[?match(@.a,'x.*')||length(@)>count(@.*)]`, `$['\uD83D\uDE00']`, `$[?value(@..a)>=-0.1e+5]`} {
		f.Add(q, store)
	}
	f.Fuzz(func(t *testing.T, query, doc string) {
		q, err := Parse(query)
		if err != nil {
			return
		}
		again, err := Parse(q.String())
		if err != nil {
			t.Fatalf("as written it does not parse again: %v", err)
		}
		tr, err := readTree(doc)
		if err != nil || len(doc) > 300 || strings.Count(query, "..") > 3 || strings.Count(query, ",") > 8 {
			return // queries that select a node over and over are their writer's affair
		}
		got := q.Select(nil, tr, 0)
		if again := again.Select(nil, tr, 0); len(got) != len(again) {
			t.Fatalf("got %d and %d nodes from the same query", len(got), len(again))
		}
		for _, n := range got {
			if n < 0 || int(n) >= len(tr.nodes) {
				t.Fatalf("got node %d of %d", n, len(tr.nodes))
			}
		}
	})
}
