package e2e

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// entry is one request of a corpus file.
type entry struct {
	File    string
	Index   int
	Class   string `json:"_class"`
	Format  string `json:"_bodyFormat"`
	Coding  string `json:"_bodyEncoding"`
	Comment string `json:"comment"`
	Time    string `json:"startedDateTime"`
	Request struct {
		Method  string `json:"method"`
		URL     string `json:"url"`
		Headers []struct{ Name, Value string }
		Post    *struct {
			MimeType, Text string
		} `json:"postData"`
	} `json:"request"`
	Sensitive []struct{ In, Path, Class string } `json:"_sensitive"`
}

func (e *entry) name() string {
	return strings.TrimSuffix(e.File, ".har") + "#" + strconv.Itoa(e.Index)
}

func (e *entry) url(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(e.Request.URL)
	if err != nil {
		t.Fatalf("%s: %v", e.name(), err)
	}
	return u
}

// body is the content as the product would send it, content coding applied.
func (e *entry) body(t *testing.T) []byte {
	t.Helper()
	if e.Request.Post == nil {
		return nil
	}
	text := []byte(e.Request.Post.Text)
	if !strings.HasPrefix(e.Coding, "gzip") {
		return text
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

// corpus reads the entries of one file, or of all files where name is "".
func corpus(t *testing.T, name string) []*entry {
	t.Helper()
	files, err := filepath.Glob("../testdata/corpus/*.har")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var out []*entry
	for _, f := range files {
		if name != "" && filepath.Base(f) != name {
			continue
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var har struct{ Log struct{ Entries []*entry } }
		if err := json.Unmarshal(raw, &har); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for i, e := range har.Log.Entries {
			e.File, e.Index = filepath.Base(f), i
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no entries in %q", name)
	}
	return out
}
