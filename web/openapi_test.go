package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// spec is openapi.json, and a compiler of what stands in it.
type spec struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`

	compiler *jsonschema.Compiler
}

type operation struct {
	ID        string             `json:"operationId"`
	Responses map[string]content `json:"responses"`
	Security  []any              `json:"security"`
	Request   content            `json:"requestBody"`
	Params    []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
}

type content struct {
	Content map[string]struct {
		Schema  json.RawMessage `json:"schema"`
		Example json.RawMessage `json:"example"`
	} `json:"content"`
}

func readSpec(t *testing.T) *spec {
	t.Helper()
	s := &spec{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(document, s); err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource("https://scrim.invalid/openapi.json", whole); err != nil {
		t.Fatal(err)
	}
	return s
}

// check holds JSON to the schema at a pointer of the document.
func (s *spec) check(t *testing.T, pointer string, data []byte) {
	t.Helper()
	schema, err := s.compiler.Compile("https://scrim.invalid/openapi.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Errorf("%s: %v in %.300s", pointer, err, data)
		return
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v\nin %.2000s", pointer, err, data)
	}
}

// at is the pointer to the schema of an answer.
func at(path, method, status, kind string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	return fmt.Sprintf("/paths/%s/%s/responses/%s/content/%s/schema", escape.Replace(path), method, status, escape.Replace(kind))
}

func TestDocumentListsWhatIsServed(t *testing.T) {
	s := readSpec(t)
	var documented, served []string
	for path, operations := range s.Paths {
		for method := range operations {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	public := map[string]bool{}
	for _, r := range (&Server{}).table() {
		served = append(served, r.pattern)
		public[r.pattern] = r.public
	}
	slices.Sort(documented)
	slices.Sort(served)
	if !slices.Equal(documented, served) {
		t.Errorf("documented:\n%s\nserved:\n%s", strings.Join(documented, "\n"), strings.Join(served, "\n"))
	}
	for path, operations := range s.Paths {
		for method, op := range operations {
			open := len(op.Security) == 1 && len(op.Security[0].(map[string]any)) == 0
			if pattern := strings.ToUpper(method) + " " + path; open != public[pattern] {
				t.Errorf("%s: the document says public is %v, the table %v", pattern, open, public[pattern])
			}
		}
	}
}

func TestDocumentListsTheFilters(t *testing.T) {
	s := readSpec(t)
	for path, more := range map[string][]string{"/api/v1/entries": {"before", "after", "limit"}, "/api/v1/events": {"after"}, "/api/v1/export": {"format"}} {
		var names []string
		for _, p := range s.Paths[path]["get"].Params {
			names = append(names, p.Name)
		}
		if want := append(filterParams(), more...); !slices.Equal(names, want) {
			t.Errorf("%s: documented %v, read %v", path, names, want)
		}
	}
}

func TestExamplesOfTheDocumentHold(t *testing.T) {
	s := readSpec(t)
	n := 0
	for path, operations := range s.Paths {
		for method, op := range operations {
			for status, res := range op.Responses {
				for kind, c := range res.Content {
					if c.Example != nil {
						s.check(t, at(path, method, status, kind), c.Example)
						n++
					}
				}
			}
			for kind, c := range op.Request.Content {
				if c.Example == nil {
					t.Errorf("%s %s has no example of its body", method, path)
					continue
				}
				s.check(t, strings.Replace(at(path, method, "", kind), "/responses/", "/requestBody", 1), c.Example)
				n++
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d examples", n)
	}
}

// question is one request of the walk through the API.
type question struct {
	path, method, url string
	body              any
	status            int
}

func TestEveryAnswerIsAsDocumented(t *testing.T) {
	s := readSpec(t)
	r := newRig(t)
	r.house.original = &Original{Request: Request{Method: "POST", Target: "/", Header: []Header{}}}
	walk := func() {
		asked := map[string]bool{}
		for _, q := range questions() {
			if q.url == "" {
				q.url = q.path
			}
			res, data := r.ask(q.method, q.url, q.body)
			if res.StatusCode != q.status {
				t.Errorf("%s %s: %d %s, want %d", q.method, q.url, res.StatusCode, data, q.status)
				continue
			}
			method := strings.ToLower(q.method)
			asked[q.method+" "+q.path] = true
			kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
			if q.status >= 400 {
				if kind == "application/json" {
					s.check(t, "/components/schemas/Error", data)
				}
				continue
			}
			documented := s.Paths[q.path][method].Responses[fmt.Sprint(q.status)]
			if _, isJSON := documented.Content["application/json"]; isJSON && q.path != "/api/v1/openapi.json" {
				s.check(t, at(q.path, method, fmt.Sprint(q.status), "application/json"), data)
			} else if len(documented.Content) > 0 && documented.Content[kind].Schema == nil && documented.Content["application/octet-stream"].Schema == nil {
				t.Errorf("%s %s: %s is not documented", q.method, q.url, kind)
			}
		}
		for path, operations := range s.Paths {
			for method := range operations {
				if name := strings.ToUpper(method) + " " + path; !asked[name] && path != "/api/v1/events" {
					t.Errorf("%s was not asked", name)
				}
			}
		}
	}
	walk() // of an empty ledger
	r.fill()
	walk()
}

func questions() []question {
	const ok, bad = http.StatusOK, http.StatusBadRequest
	get := func(path, url string, status int) question { return question{path, "GET", url, nil, status} }
	post := func(path, url string, body any, status int) question {
		return question{path, "POST", url, body, status}
	}
	kind, pause, profile := "/api/v1/products/{product}/kinds/{kind}", "/api/v1/products/{product}/pause", "/api/v1/products/{product}/profile"
	return []question{
		get("/api/v1/session", "", ok),
		post("/api/v1/password", "", `{"new":"short"}`, bad),
		post("/api/v1/password", "", `{"new":"correct horse"}`, ok),
		post("/api/v1/login", "", `{"password":"correct horse"}`, ok),
		post("/api/v1/login", "", `{"password":"wrong"}`, http.StatusUnauthorized),
		post("/api/v1/login", "", `{"pass":"wrong"}`, bad),
		post("/api/v1/logout", "", nil, http.StatusNoContent),
		post("/api/v1/tokens", "", `{"name":"grafana"}`, ok),
		get("/api/v1/tokens", "", ok),
		{"/api/v1/tokens/{id}", "DELETE", "/api/v1/tokens/none", nil, http.StatusNotFound},
		get("/api/v1/status", "", ok),
		get("/api/v1/entries", "", ok),
		get("/api/v1/entries", "/api/v1/entries?type=sent,kept&product=plex&kind=playback&host=*.plex.tv&text=plex&limit=1", ok),
		get("/api/v1/entries", "/api/v1/entries?since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z&door=proxy&client=192.168.1.20", ok),
		get("/api/v1/entries", "/api/v1/entries?typ=sent", bad),
		get("/api/v1/entries", "/api/v1/entries?type=result", bad),
		get("/api/v1/entries", "/api/v1/entries?limit=0", bad),
		get("/api/v1/entries", "/api/v1/entries?before=x", bad),
		get("/api/v1/entries", "/api/v1/entries?since=yesterday", bad),
		get("/api/v1/entries/{id}", "/api/v1/entries/99999", http.StatusNotFound),
		get("/api/v1/export", "", ok),
		get("/api/v1/export", "/api/v1/export?format=xls", bad),
		post("/api/v1/verify", "", nil, ok),
		get("/api/v1/products", "", ok),
		post("/api/v1/profile", "", `{"profile":"strict"}`, ok),
		post("/api/v1/profile", "", `{"profile":"lax"}`, bad),
		post(profile, "/api/v1/products/plex/profile", `{"profile":"generalized"}`, ok),
		post(kind, "/api/v1/products/plex/kinds/playback", `{"switch":"drop"}`, ok),
		post(kind, "/api/v1/products/plex/kinds/playback", `{"switch":"hold"}`, bad),
		post(kind, "/api/v1/products/plex/kinds/none", `{"switch":"drop"}`, http.StatusNotFound),
		post(kind, "/api/v1/products/none/kinds/playback", `{"switch":"drop"}`, http.StatusNotFound),
		post(pause, "/api/v1/products/plex/pause", `{"minutes":15}`, ok),
		post(pause, "/api/v1/products/plex/pause", `{}`, bad),
		post(pause, "/api/v1/products/plex/pause", `{"minutes":-1}`, bad),
		post(pause, "/api/v1/products/plex/pause", `{"until":"2001-01-01T00:00:00Z"}`, bad),
		get("/api/v1/products", "", ok), // paused
		{pause, "DELETE", "/api/v1/products/plex/pause", nil, ok},
		post("/api/v1/reload", "", nil, ok),
		get("/api/v1/fields", "", ok),
		get("/api/v1/fields", "/api/v1/fields?product=plex", ok),
		get("/api/v1/drift", "", ok),
		get("/api/v1/hosts", "", ok),
		get("/api/v1/hosts", "/api/v1/hosts?days=400", bad),
		get("/api/v1/coverage", "", ok),
		get("/api/v1/rules", "", ok),
		post("/api/v1/rules/explain", "", `{"url":"https://metrics.plex.tv/collect"}`, ok),
		post("/api/v1/rules/explain", "", `{"url":"ftp://x"}`, bad),
		post("/api/v1/rules/explain", "", `{"url":`, bad),
		get("/api/v1/setup", "", ok),
		get("/api/v1/setup/qr.svg", "", http.StatusNotFound), // on loopback there is nothing to scan
		get("/api/v1/charts", "", ok),
		get("/api/v1/config", "", ok),
		get("/api/v1/openapi.json", "", ok),
		get("/api/v1/nothing", "", http.StatusNotFound),
		get("/ca.pem", "", ok), get("/ca.der", "", ok), get("/proxy.pac", "", ok), get("/metrics", "", ok), get("/healthz", "", ok), get("/readyz", "", ok),
	}
}

func TestEntriesAndEventsAreAsDocumented(t *testing.T) {
	s := readSpec(t)
	r := newRig(t)
	r.fill()
	var page Entries
	r.get("/api/v1/entries", &page)
	if len(page.Entries) != 6 {
		t.Fatalf("got %d entries, want 6", len(page.Entries))
	}
	for _, e := range page.Entries {
		_, data := r.ask("GET", "/api/v1/entries/"+e.ID, nil)
		s.check(t, at("/api/v1/entries/{id}", "get", "200", "application/json"), data)
	}
	st := r.stream("/api/v1/events?after=0")
	told := st.until("counters")
	r.server.Changed("rules")
	told = append(told, st.until("changed")...)
	schemas := map[string]string{"entry": "Entry", "counters": "Counters", "drift": "Drift"}
	seen := map[string]int{}
	for _, m := range told {
		seen[m.event]++
		if name := schemas[m.event]; name != "" {
			s.check(t, "/components/schemas/"+name, m.data)
		}
	}
	if seen["hello"] != 1 || seen["entry"] != 6 || seen["counters"] == 0 || seen["changed"] != 1 {
		t.Errorf("told %v", seen)
	}
}
