package path

import (
	"strings"
	"sync"
	"testing"
)

const store = `{"a":1,"b":[10,20,30,40,50],"c":{"a":"x","d":[{"a":2},{"a":3,"e":null}]},"f g":true,"":false}`

func TestSelect(t *testing.T) {
	for _, c := range []struct{ name, query, doc, want string }{
		{"root", `$`, store, `$`},
		{"name", `$.a`, store, `$['a']`},
		{"name_in_brackets", `$['f g']`, store, `$['f g']`},
		{"empty_name", `$[""]`, store, `$['']`},
		{"name_outside_ASCII", `$.ü☺`, `{"ü☺":1}`, `$['ü☺']`},
		{"name_on_array_selects_nothing", `$.b.a`, store, ``},
		{"index_on_object_selects_nothing", `$.c[0]`, `{"c":{"0":1}}`, ``},
		{"name_like_an_index", `$['0']`, `{"0":1}`, `$['0']`},
		{"duplicate_names_all_selected", `$.a`, `{"a":1,"b":2,"a":3}`, `$['a'] $['a']`},
		{"escaped_name", `$["a\u0041\uD83D\uDE00\/\""]`, `{"aA😀/\"":1}`, `$['aA😀/"']`},
		{"single_quotes_escape_their_own", `$['\'"\\\b\f\n\r\t']`, `{"'\"\\\b\f\n\r\t":1}`, `$['\'"\\\b\f\n\r\t']`},
		{"wildcard_on_array", `$.b[*]`, store, `$['b'][0] $['b'][1] $['b'][2] $['b'][3] $['b'][4]`},
		{"wildcard_on_object", `$.c.*`, store, `$['c']['a'] $['c']['d']`},
		{"wildcard_on_scalar", `$.a.*`, store, ``},
		{"index", `$.b[1]`, store, `$['b'][1]`},
		{"negative_index", `$.b[-2]`, store, `$['b'][3]`},
		{"index_out_of_reach", `$.b[5]`, store, ``},
		{"negative_index_out_of_reach", `$.b[-6]`, store, ``},
		{"largest_index", `$.b[9007199254740991]`, store, ``},
		{"selectors_in_written_order_with_duplicates", `$.b[3,0,3,'a',1:2]`, store, `$['b'][3] $['b'][0] $['b'][3] $['b'][1]`},
		{"union_of_wildcard_and_name", `$.c[*,'a']`, store, `$['c']['a'] $['c']['d'] $['c']['a']`},
		{"slice", `$.b[1:3]`, store, `$['b'][1] $['b'][2]`},
		{"slice_open_both_ends", `$.b[:]`, `{"b":[1,2]}`, `$['b'][0] $['b'][1]`},
		{"slice_all_colons", `$.b[::]`, `{"b":[1,2]}`, `$['b'][0] $['b'][1]`},
		{"slice_step", `$.b[::2]`, store, `$['b'][0] $['b'][2] $['b'][4]`},
		{"slice_step_zero", `$.b[::0]`, store, ``},
		{"slice_backwards", `$.b[::-2]`, store, `$['b'][4] $['b'][2] $['b'][0]`},
		{"slice_backwards_from", `$.b[3:0:-1]`, store, `$['b'][3] $['b'][2] $['b'][1]`},
		{"slice_backwards_open_end", `$.b[1::-1]`, store, `$['b'][1] $['b'][0]`},
		{"slice_backwards_open_start", `$.b[:2:-1]`, store, `$['b'][4] $['b'][3]`},
		{"slice_backwards_negative_end", `$.b[-1:-3:-1]`, store, `$['b'][4] $['b'][3]`},
		{"slice_negative_start", `$.b[-2:]`, store, `$['b'][3] $['b'][4]`},
		{"slice_negative_end", `$.b[:-4]`, store, `$['b'][0]`},
		{"slice_start_before_array", `$.b[-99:1]`, store, `$['b'][0]`},
		{"slice_huge_bounds", `$.b[-9007199254740991:9007199254740991:9007199254740991]`, store, `$['b'][0]`},
		{"slice_huge_bounds_backwards", `$.b[9007199254740991:-9007199254740991:-9007199254740991]`, store, `$['b'][4]`},
		{"slice_on_object", `$.c[0:1]`, store, ``},
		{"slice_on_empty_array_backwards", `$[::-1]`, `[]`, ``},
		{"descendant_name", `$..a`, store, `$['a'] $['c']['a'] $['c']['d'][0]['a'] $['c']['d'][1]['a']`},
		{"descendant_index", `$..[1]`, `[[1,2],[3,4]]`, `$[1] $[0][1] $[1][1]`},
		{"descendant_wildcard", `$..*`, `{"a":{"b":1},"c":[2]}`, `$['a'] $['c'] $['a']['b'] $['c'][0]`},
		{"descendant_several_selectors", `$..['a','b']`, `{"b":{"a":1},"a":2}`, `$['a'] $['b'] $['b']['a']`},
		{"descendants_twice_keep_duplicates", `$..a..b`, `{"a":{"a":{"b":1}}}`, `$['a']['a']['b'] $['a']['a']['b']`},
		{"descendant_then_child", `$..d[0].a`, store, `$['c']['d'][0]['a']`},
		{"white_space_where_allowed", "$ \t\n\r.a", store, `$['a']`},
		{"white_space_before_brackets", `$ ['b'] [ 0 , -1 ]`, store, `$['b'][0] $['b'][4]`},
		{"white_space_in_slices", "$.b[ 1 : 4 :\t2 ]", store, `$['b'][1] $['b'][3]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := paths(t, c.query, c.doc); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.query, got, c.want)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	for _, c := range []struct{ name, query, doc, want string }{
		{"exists", `$[?@.a]`, `[{"a":null},{"b":1},[1],1]`, `$[0]`},
		{"not_exists", `$[?!@.a]`, `[{"a":null},{"b":1}]`, `$[1]`},
		{"exists_wildcard", `$[?@.*]`, `[1,[],[2],{},{"a":1}]`, `$[2] $[4]`},
		{"exists_absolute", `$.x[?$.a]`, `{"a":1,"x":[1]}`, `$['x'][0]`},
		{"on_object_members", `$[?@>1]`, `{"a":1,"b":2}`, `$['b']`},
		{"on_scalar_nothing", `$.a[?@]`, `{"a":1}`, ``},
		{"nested_filter", `$[?@[?@>1]]`, `[[0],[2],[1,3]]`, `$[1] $[2]`},
		{"absolute_is_the_root_in_nested_filters", `$.v[?@[?@==$.k]]`, `{"k":2,"v":[[1],[2]]}`, `$['v'][1]`},
		{"several_filters", `$[?@>2,?@<2]`, `[1,2,3]`, `$[2] $[0]`},
		{"equal_number_forms", `$[?@==1]`, `[1,1.0,1e0,10E-1,0.1e1,"1",true,2]`, `$[0] $[1] $[2] $[3] $[4]`},
		{"beyond_2_53_exact", `$[?@==9007199254740993]`, `[9007199254740992,9007199254740993,9007199254740993.0]`, `$[1] $[2]`},
		{"beyond_floats_exact", `$[?@<1e400]`, `[9e399,1e401,1e400,-1e999]`, `$[0] $[3]`},
		{"tiny_numbers_differ", `$[?@>0]`, `[1e-999,0,0e5,-0.0]`, `$[0]`},
		{"minus_zero", `$[?@==-0]`, `[0,-0,0.0,1]`, `$[0] $[1] $[2]`},
		{"negative_order", `$[?@<-1.5]`, `[-2,-1,-1.50001,-1.5]`, `$[0] $[2]`},
		{"equal_string", `$[?@=='a']`, `["a","b",["a"]]`, `$[0]`},
		{"strings_by_scalar_value", `$[?@>'\uFFEE']`, `["😀","\uffee","z"]`, `$[0]`},
		{"string_prefix_is_less", `$[?@<'ab']`, `["a","ab","abc",""]`, `$[0] $[3]`},
		{"null_true_false", `$[?@==null,?@==true,?@==false]`, `[false,true,null,0]`, `$[2] $[1] $[0]`},
		{"order_of_booleans_only_by_equality", `$[?@<=true]`, `[true,false]`, `$[0]`},
		{"null_is_not_missing", `$[?@.a==null]`, `[{"a":null},{}]`, `$[0]`},
		{"missing_equals_missing", `$[?@.a==@.b]`, `[{},{"a":1},{"a":1,"b":1}]`, `$[0] $[2]`},
		{"missing_not_less", `$[?@.a<1]`, `[{},{"a":0}]`, `$[1]`},
		{"missing_less_or_equal_missing", `$[?@.a<=@.b]`, `[{}]`, `$[0]`},
		{"not_equal_kinds", `$[?@!='1']`, `[1,"1"]`, `$[0]`},
		{"mixed_kinds_have_no_order", `$[?@<'a',?@>'a',?@<1]`, `[null,true,[],{}]`, ``},
		{"arrays_deep", `$.v[?@==$.k]`, `{"k":[1,{"a":2,"b":[3]}],"v":[[1,{"b":[3.0],"a":2}],[1],[1,{"a":2}]]}`, `$['v'][0]`},
		{"objects_by_members", `$.v[?@==$.k]`, `{"k":{"a":1},"v":[{"a":1},{"a":1,"b":1},{"b":1}]}`, `$['v'][0]`},
		{"array_prefix_differs", `$.v[?@==$.k]`, `{"k":[1,2],"v":[[1],[1,2],[1,2,3]]}`, `$['v'][1]`},
		{"and_binds_tighter", `$[?@.a||@.b&&@.c]`, `[{"a":1},{"b":1},{"b":1,"c":1}]`, `$[0] $[2]`},
		{"parentheses", `$[?(@.a||@.b)&&@.c]`, `[{"a":1},{"b":1,"c":1}]`, `$[1]`},
		{"not_parentheses", `$[?!(@==1||@==2)]`, `[1,2,3]`, `$[2]`},
		{"not_with_blank", `$[?! @.a]`, `[{}]`, `$[0]`},
		{"literal_on_both_sides", `$[?1==1.0]`, `[7]`, `$[0]`},
		{"literal_on_the_left", `$[?2<@]`, `[1,3]`, `$[1]`},
		{"duplicate_names_use_the_first", `$[?@.a==1]`, `[{"a":1,"a":2},{"a":2,"a":1}]`, `$[0]`},
		{"singular_index", `$[?@[-1]==3]`, `[[1,3],[3,1]]`, `$[0]`},
		{"singular_with_blanks_between", `$[?@ .a ['b'] [0]==3]`, `[{"a":{"b":[3]}}]`, `$[0]`},
		{"blanks_around_everything", "$[?\n@.a\t==\r1 && ( @.b ) || ! ( @.c ) ]", `[{"c":1},{"a":1,"b":2,"c":1}]`, `$[1]`},
		{"exponent_signs", `$[?@==1e+2,?@==1E2,?@==10000e-2]`, `[100]`, `$[0] $[0] $[0]`},
		{"descendant_in_test", `$[?@..a]`, `[{"b":{"a":1}},{"b":2}]`, `$[0]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := paths(t, c.query, c.doc); got != c.want {
				t.Errorf("%s on %s\n got %s\nwant %s", c.query, c.doc, got, c.want)
			}
		})
	}
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct{ name, query, doc, want string }{
		{"length_of_string_in_characters", `$[?length(@)==2]`, `["ab","a😀","abc","é"]`, `$[0] $[1]`},
		{"length_of_array_and_object", `$[?length(@)==1]`, `[[1],{"a":1},[],1,null]`, `$[0] $[1]`},
		{"length_of_number_is_nothing", `$[?length(@)==length(@.a)]`, `[1,true]`, `$[0] $[1]`},
		{"length_of_literal", `$[?length('ab')==@]`, `[2]`, `$[0]`},
		{"length_of_value", `$[?length(value(@..a))==2]`, `[{"b":{"a":"xy"}},{"a":"xy","b":{"a":"xy"}}]`, `$[0]`},
		{"count", `$[?count(@..*)>2]`, `[[1],[1,[2]],{"a":{"b":{"c":1}}}]`, `$[1] $[2]`},
		{"count_of_missing", `$[?count(@.a)==0]`, `[{},{"a":1}]`, `$[0]`},
		{"count_keeps_duplicates", `$[?count(@['a','a'])==2]`, `[{"a":1}]`, `$[0]`},
		{"value_of_several_is_nothing", `$[?value(@.*)==4]`, `[[4],[4,4],{"foo":4}]`, `$[0] $[2]`},
		{"value_absolute", `$.v[?@==value($..k)]`, `{"k":7,"v":[7,8]}`, `$['v'][0]`},
		{"match_is_whole", `$[?match(@,'a.c')]`, `["abc","xabc","a\nc","a😀c"]`, `$[0] $[3]`},
		{"search_is_anywhere", `$[?search(@,'b+')]`, `["abbc","ac"]`, `$[0]`},
		{"match_not_string", `$[?match(@,'.*')]`, `[1,null,["a"],"a"]`, `$[3]`},
		{"match_negated", `$[?!match(@,'a')]`, `["a","b",1]`, `$[1] $[2]`},
		{"match_pattern_from_document", `$.v[?match(@,$.p)]`, `{"p":"a|b","v":["a","b","ab"]}`, `$['v'][0] $['v'][1]`},
		{"match_pattern_not_a_string", `$[?match('a',@)]`, `[1,"a"]`, `$[1]`},
		{"search_missing", `$[?search(@.a,'b')]`, `[{}]`, ``},
		{"search_alternatives_in_groups", `$[?match(@,'(a|b)?c{2,3}')]`, `["acc","ccc","bc","abcc"]`, `$[0] $[1]`},
		{"blanks_in_calls", "$[?count( @.* )== 1 && match( @.a\n,\t'x' ) ]", `[{"a":"x"}]`, `$[0]`},
		{"function_in_nested_filter", `$[?@[?length(@)>1]]`, `[["a"],["ab"]]`, `$[1]`},
		{"test_function_with_and", `$[?search(@,'a')&&search(@,'b')]`, `["ab","a"]`, `$[0]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := paths(t, c.query, c.doc); got != c.want {
				t.Errorf("%s on %s\n got %s\nwant %s", c.query, c.doc, got, c.want)
			}
		})
	}
}

func TestDeepTreeIsBounded(t *testing.T) {
	const depth = 100_000
	doc := &tree{}
	parent := int32(-1)
	for range depth {
		parent = doc.add('[', "", "", parent, -1)
	}
	doc.add('0', "", "1", parent, -1)
	q, err := Parse("$..[0]")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(q.Select(nil, doc, 0)); got != depth {
		t.Errorf("got %d nodes, want %d", got, depth)
	}
	deep, err := Parse("$[?@==$]")
	if err != nil {
		t.Fatal(err)
	}
	if got := deep.Select(nil, doc, 0); len(got) != 0 {
		t.Errorf("got %d nodes equal to the root, want none", len(got))
	}
}

func TestConcurrentUse(t *testing.T) {
	q, err := Parse(`$..[?match(@.a,$.p)||@.a==3]`)
	if err != nil {
		t.Fatal(err)
	}
	doc := parseTree(t, `{"p":"x.*","v":[{"a":"xy"},{"a":3},{"a":4}]}`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if got := len(q.Select(nil, doc, 0)); got != 2 {
					t.Errorf("got %d nodes, want 2", got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestSelectAppends(t *testing.T) {
	q, _ := Parse("$.a")
	got := q.Select([]int32{7}, parseTree(t, `{"a":1}`), 0)
	if len(got) != 2 || got[0] != 7 || got[1] != 1 {
		t.Errorf("got %v, want [7 1]", got)
	}
}

func TestSelectBelowAnotherRoot(t *testing.T) {
	doc := parseTree(t, `{"k":1,"b":[{"k":2,"v":[1,2]}]}`)
	outer, _ := Parse("$.b[0]")
	element := outer.Select(nil, doc, 0)[0]
	q, _ := Parse("$.v[?@==$.k]")
	got := q.Select(nil, doc, element)
	if len(got) != 1 || doc.Text(got[0]) != "2" {
		t.Errorf("got %v, want the element 2: $ is the root that is given", got)
	}
}

func TestSteps(t *testing.T) {
	for query, want := range map[string]string{
		`$`: "ok", `$.a['b'][3].*[*]`: "ok a b #3 * *", `$..a`: "no", `$.a[-1]`: "no", `$['a','b']`: "no", `$[0:1]`: "no", `$[?@]`: "no",
	} {
		q, err := Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		steps, ok := q.Steps()
		got := []string{"no"}
		if ok {
			got[0] = "ok"
		}
		for _, s := range steps {
			got = append(got, map[StepKind]string{Name: s.Name, Index: "#" + string(rune('0'+s.Index)), Wild: "*"}[s.Kind])
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: got %q, want %q", query, g, want)
		}
		if q.String() != query {
			t.Errorf("got %q as written, want %q", q.String(), query)
		}
	}
}

func TestNormalized(t *testing.T) {
	doc := parseTree(t, `{"a\u0000\u001f'\\\"ü\n":[0,{"b":1}]}`)
	const want = `$['a\u0000\u001f\'\\"ü\n'][1]['b']`
	n := int32(len(doc.nodes) - 1)
	got := string(Normalized(nil, doc, n, doc.parent))
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	q, err := Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if back := q.Select(nil, doc, 0); len(back) != 1 || back[0] != n {
		t.Errorf("got %v from the normalized path, want [%d]", back, n)
	}
}

func TestWhatBeginsAtTheRootIsFoundOnce(t *testing.T) {
	doc := &tree{}
	root := doc.add('[', "", "", -1, -1)
	last := int32(-1)
	for range 50_000 {
		last = doc.add('0', "", "1", root, last)
	}
	for _, query := range []string{`$[?count($..*)>1]`, `$[?!$[?@==2]]`, `$[?@==value($[-1:])]`, `$[?@==$[-1]]`} {
		q, err := Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(q.Select(nil, doc, 0)); got != 50_000 { // quadratic time would not end
			t.Errorf("%s: got %d nodes, want all", query, got)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	doc := parseTree(b, `{"batch":[`+strings.Repeat(store+",", 99)+store+`]}`)
	for _, query := range []string{`$.batch[*].c.a`, `$.batch[?@.a==1&&@.c.a=='x'].b[0]`, `$..e`} {
		q, err := Parse(query)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			var nodes []int32
			for b.Loop() {
				nodes = q.Select(nodes[:0], doc, 0)
			}
		})
	}
}
