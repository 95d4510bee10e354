package pack_test

import (
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
)

func parseAll(t *testing.T) []*rules.File {
	t.Helper()
	var files []*rules.File
	for _, source := range pack.Files() {
		f, err := rules.Parse(source.Name, source.Data)
		if err != nil {
			t.Errorf("%s:\n%v", source.Name, err)
			continue
		}
		if source.Product != f.Product {
			t.Errorf("%s: product %q in folder %q", source.Name, f.Product, source.Product)
		}
		files = append(files, f)
	}
	return files
}

func TestPacksParse(t *testing.T) {
	for _, f := range parseAll(t) {
		for _, r := range f.Rules {
			if r.Use == nil && r.Why == "" {
				t.Errorf("%s: rule %s says no why", f.Name, r.ID)
			}
			if r.Use == nil && r.Then != rules.Refuse && len(r.Examples) == 0 {
				t.Errorf("%s: rule %s has no example", f.Name, r.ID)
			}
			if r.Use == nil && r.Then == rules.Drop && r.Reply == nil {
				t.Errorf("%s: rule %s drops and says no reply", f.Name, r.ID)
			}
		}
	}
}

func TestFilesAreInOrder(t *testing.T) {
	var names []string
	for _, s := range pack.Files() {
		names = append(names, s.Name)
	}
	if len(names) < 20 || names[0] != "tables.yaml" || !strings.HasPrefix(names[len(names)-1], "template/sentry/") {
		t.Errorf("order %v", names)
	}
	if pack.Files()[0].Product != "" || len(pack.Files()[0].Data) == 0 {
		t.Error("the tables are not there")
	}
}

func TestEveryPackHasAPage(t *testing.T) {
	for _, s := range pack.Files()[1:] {
		name := strings.TrimSuffix(s.Name, "/rules.yaml")
		page := pack.README(name)
		for _, part := range []string{"# ", "Sources"} {
			if !strings.Contains(page, part) {
				t.Errorf("%s: the README has no %q", name, part)
			}
		}
	}
	if pack.README("nothing") != "" {
		t.Error("a page for a pack that is not there")
	}
}

// TestNoExampleHosts holds what ships to hosts that exist: example hosts stand in examples alone.
func TestNoExampleHosts(t *testing.T) {
	for _, f := range parseAll(t) {
		for _, h := range f.Hosts {
			if strings.Contains(h.Name, "example") {
				t.Errorf("%s: host %s", f.Name, h.Name)
			}
		}
		for _, r := range f.Rules {
			for _, h := range r.Match.Hosts {
				if strings.Contains(h.Name, "example") {
					t.Errorf("%s: rule %s names host %s", f.Name, r.ID, h.Name)
				}
			}
		}
	}
}

// TestTables holds the shipped tables to the published numbers.
func TestTables(t *testing.T) {
	f, err := rules.Parse("tables.yaml", pack.Files()[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, table := range f.Tables {
		for class, rows := range table.Rows {
			got[table.Name+" "+class] = table.Unit + " " + strings.Join(rows.Edges, ",") + " " + strings.Join(rows.Write, ",")
		}
		for class, rows := range table.Strict {
			got[table.Name+" strict "+class] = table.Unit + " " + strings.Join(rows.Edges, ",") + " " + strings.Join(rows.Write, ",")
		}
	}
	want := map[string]string{
		"video-length ":        "ms 1,900000,1500000,2100000,3000000,4500000,5700000,6900000 480000,1320000,1680000,2640000,3660000,5220000,6180000,8280000",
		"video-length strict ": "ms 1,900000,2100000,4200000 480000,1440000,3060000,5880000",
		"audio-length ":        "ms 1,150000,210000,270000,330000 123000,187000,235000,294000,382000",
		"video-rate sd":        "kbps 1,1500 1000,3100",
		"video-rate hd":        "kbps 1,4000 2300,11200",
		"video-rate uhd":       "kbps 1,16000 9000,40000",
		"video-rate *":         "kbps 1,4000 2300,11200",
	}
	for name, rows := range want {
		if got[name] != rows {
			t.Errorf("table %q: got %s, want %s", name, got[name], rows)
		}
	}
	if len(got) != len(want) {
		t.Errorf("tables %v", got)
	}
}
