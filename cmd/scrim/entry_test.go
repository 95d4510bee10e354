package main

import (
	"bytes"
	"testing"

	"github.com/scrimproxy/scrim/rules/body"
)

func TestEntriesBecomeTheRequestsTheyRecord(t *testing.T) {
	for _, c := range []struct {
		name, format, raw string
		url, body         string
		fields            int
		coded             bool
	}{
		{"har", formatHAR, `{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"post","url":"HTTPS://A.Example:8443/p%2F?q=1","headers":[{"name":"Host","value":"a"},{"name":":path","value":"x"},{"name":"X-A","value":"1"}],"postData":{"text":"{}"}}}`,
			"https://a.example:8443/p%2F?q=1", "{}", 1, false},
		{"har_form_without_text", formatHAR, `{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"POST","url":"http://a.example","postData":{"params":[{"name":"a","value":"b c"},{"name":"d","value":""}]}}}`,
			"http://a.example/", "a=b+c&d=", 0, false},
		{"har_coded_without_a_field", formatHAR, `{"startedDateTime":"2026-01-01T00:00:00Z","_bodyEncoding":"gzip-undeclared","request":{"method":"POST","url":"http://a.example/","postData":{"text":"hello"}}}`,
			"http://a.example/", "hello", 0, true},
		{"har_declared", formatHAR, `{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"POST","url":"http://a.example/","headers":[{"name":"content-encoding","value":"GZIP"}],"postData":{"text":"hello"}}}`,
			"http://a.example/", "hello", 1, true},
		{"har_base64", formatHAR, `{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"POST","url":"http://a.example/","postData":{"encoding":"base64","text":"/w=="}}}`,
			"http://a.example/", "\xff", 0, false},
		{"line_object", formatNDJSON, `{"url":"https://a.example/?","headers":{"A":["1","2"],"B":"3"},"body":{"x":1e400}}`,
			"https://a.example/?", `{"x":1e400}`, 3, false},
		{"line_with_fields_of_the_connection", formatNDJSON, `{"url":"https://a.example/","headers":{"X-Hop":"1","Connection":"close, x-hop","TE":"trailers","X-End":"1"}}`, "https://a.example/", "", 1, false},
		{"line_text", formatNDJSON, `{"time":1767225600.5,"method":"PUT","url":"https://a.example/","body":"a=1"}`, "https://a.example/", "a=1", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &entry{index: 1, format: c.format, raw: []byte(c.raw)}
			m, err := e.message()
			if err != nil {
				t.Fatal(err)
			}
			got := m.Body
			if coded := bytes.HasPrefix(got, gzipMagic); coded != c.coded {
				t.Errorf("coded: got %t, want %t", coded, c.coded)
			} else if coded {
				if got, _, err = body.Plain("gzip", got, body.Limits{}); err != nil {
					t.Fatal(err)
				}
			}
			if m.URL() != c.url || string(got) != c.body || len(m.Header) != c.fields {
				t.Errorf("got %s %q with %d fields, want %s %q with %d", m.URL(), got, len(m.Header), c.url, c.body, c.fields)
			}
		})
	}
}

func TestFaultsOfEntriesNameNoValue(t *testing.T) {
	for _, raw := range []string{
		`{"url": "ftp://topsecret/"}`, `{"url": 5, "x": "topsecret"}`, `{"time": "topsecret", "url": "https://a.example/"}`, `topsecret`,
		`{"url":"https://a.example/","headers":"topsecret"}`, `{"url":"https://a.example/","body64":"topsecret!"}`, `["topsecret"]`, `{"url":"https://topsecret:99999/"}`,
	} {
		e := &entry{index: 1, format: formatNDJSON, raw: []byte(raw)}
		if _, err := e.message(); err == nil {
			t.Errorf("%s: no error", raw)
		} else if bytes.Contains([]byte(err.Error()), []byte("topsecret")) {
			t.Errorf("%s: the error holds the value: %v", raw, err)
		}
	}
}
