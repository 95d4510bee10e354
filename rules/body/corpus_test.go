package body

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// shape is one body of the corpus as it goes over the wire, content codings left off.
type shape struct {
	name, contentType, format string
	body                      []byte
}

// corpus reads every request body under testdata/corpus.
func corpus(tb testing.TB) []shape {
	tb.Helper()
	files, err := filepath.Glob("../../testdata/corpus/*.har")
	if err != nil || len(files) == 0 {
		tb.Fatalf("corpus: no files (%v)", err)
	}
	var all []shape
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		var har struct {
			Log struct {
				Entries []struct {
					Format  string `json:"_bodyFormat"`
					Request struct {
						PostData struct{ MimeType, Text string }
					}
				}
			}
		}
		if err := json.Unmarshal(data, &har); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		for _, e := range har.Log.Entries {
			if text := e.Request.PostData.Text; text != "" {
				all = append(all, shape{filepath.Base(file), e.Request.PostData.MimeType, e.Format, []byte(text)})
			}
		}
	}
	return all
}

// batch is an array of at least size bytes of events as Plex Web sends them.
func batch(tb testing.TB, size int) []byte {
	tb.Helper()
	out := []byte{'['}
	for len(out) < size {
		for _, s := range corpus(tb) {
			if s.name == "plex-web.har" && s.format == "json" {
				if len(out) > 1 {
					out = append(out, ',')
				}
				out = append(out, s.body...)
			}
		}
	}
	return append(out, ']')
}
