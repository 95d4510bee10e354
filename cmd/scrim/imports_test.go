package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/scrimproxy/scrim"

// arrows are the only imports between rooms (ARCHITECTURE, section 2). cmd/scrim may import every room.
// A room that is not named imports none of ours.
var arrows = map[string][]string{
	"proxy":             {"rules", "ledger"},
	"proxy/outbox":      {"rules"},
	"ledger/ledgertest": {"ledger"}, // the suite that every store has to pass
	"web":               {"ledger", "audit"},
	"audit":             {"rules", "rules/body", "rules/path", "rules/transform"},
	"rules":             {"rules/path", "rules/body", "rules/transform", "rules/strict"},
	"rules/transform":   {"rules/body"},
}

// oneDoor are the modules that only one place may use, so that they can be replaced there.
var oneDoor = map[string][]string{
	"github.com/elazarl/goproxy":    {"proxy/explicit.go"},
	"github.com/miekg/dns":          {"dns/", "proxy/resolver.go", "proxy/resolver"},
	"gopkg.in/yaml.v3":              {"rules/strict/"},
	"github.com/ncruces/go-sqlite3": {"ledger/"},
	"github.com/spf13/cobra":        {"cmd/scrim/"},
}

// pure are the rooms where the same message, rules, key and time give the same outcome: no network, no files,
// no clock, no chance, no logging.
var pure = []string{"rules", "audit"}

var impure = []string{"net", "net/http", "os", "os/exec", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "syscall"}

// source is one file that is no test.
type source struct {
	file    string // from the root of the module
	imports []string
	clocks  []token.Position // calls of time.Now
}

func (s *source) room() string { return path.Dir(s.file) }

func sources(t *testing.T) []*source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []*source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata") {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s, err := readSource(name, filepath.ToSlash(rel))
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d source files were found: the test does not look where it should", len(all))
	}
	return all
}

func readSource(name, rel string) (*source, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s := &source{file: rel}
	for _, spec := range tree.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		s.imports = append(s.imports, path)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && (sel.Sel.Name == "Now" || sel.Sel.Name == "Since") {
				s.clocks = append(s.clocks, files.Position(sel.Pos()))
			}
		}
		return true
	})
	return s, nil
}

func isPure(room string) bool {
	return slices.ContainsFunc(pure, func(p string) bool { return room == p || strings.HasPrefix(room, p+"/") })
}

func TestRoomsImportOnlyAlongTheArrows(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			if !ours || s.room() == "cmd/scrim" || strings.HasPrefix(s.room(), "bench") {
				continue
			}
			if !slices.Contains(arrows[s.room()], other) {
				t.Errorf("%s imports %s: there is no arrow from %s to it", s.file, other, s.room())
			}
		}
	}
}

func TestThirdPartyModulesComeThroughOneDoor(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			for module, places := range oneDoor {
				if imported != module && !strings.HasPrefix(imported, module+"/") || strings.HasPrefix(s.room(), "bench") {
					continue
				}
				if !slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(s.file, place) }) {
					t.Errorf("%s imports %s, which belongs to %s", s.file, imported, strings.Join(places, " and "))
				}
			}
		}
	}
}

func TestPureRoomsHaveNoNetworkFilesClockOrChance(t *testing.T) {
	for _, s := range sources(t) {
		if !isPure(s.room()) {
			continue
		}
		for _, imported := range s.imports {
			if slices.Contains(impure, imported) {
				t.Errorf("%s imports %s", s.file, imported)
			}
		}
		for _, at := range s.clocks {
			t.Errorf("%s reads the clock", at)
		}
	}
}

func TestNoTemplatesReachTheBinary(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/cmd/scrim").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, heavy := range []string{"html/template", "testing", "github.com/google/go-cmp/cmp", "github.com/rogpeppe/go-internal/testscript"} {
		if slices.Contains(strings.Fields(string(out)), heavy) {
			t.Errorf("the binary holds %s", heavy)
		}
	}
}
