package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrimproxy/scrim/ledger"
)

func TestMaskTargets(t *testing.T) {
	for in, want := range map[string]string{
		"/x":                              "/x",
		"/x?a=1&b=2":                      "/x?a=1&b=2",
		"/x?X-Plex-Token=abc&a=1":         "/x?X-Plex-Token=[redacted]&a=1",
		"/x?a=1;API_KEY=abc;b":            "/x?a=1;API_KEY=[redacted];b",
		"/x?api%5Fkey=abc":                "/x?api%5Fkey=[redacted]",
		"/x?access_token=a=b&&token=&key": "/x?access_token=[redacted]&&token=&key",
		"/x?token=[redacted]":             "/x?token=[redacted]",
		"/x?sentry_key=0123&sentry_version=7#token=": "/x?sentry_key=[redacted]&sentry_version=7#token=",
		"/x?api_secret=s&measurement_id=G-1":         "/x?api_secret=[redacted]&measurement_id=G-1",
		"/x?monkey=1&keyword=2&tokens=3":             "/x?monkey=1&keyword=2&tokens=3",
		"http://user:pass@host.example/x?apikey=1":   "http://[redacted]@host.example/x?apikey=[redacted]",
		"/x?u=http://user@host.example/":             "/x?u=http://user@host.example/",
		"/x?%zz=1&key=2":                             "/x?%zz=1&key=[redacted]",
	} {
		q := ledger.Request{Target: in}
		q.Mask()
		if q.Target != want {
			t.Errorf("%s is masked as %s; want %s", in, q.Target, want)
		}
		if q.Mask(); q.Target != want {
			t.Errorf("%s is masked again as %s", in, q.Target)
		}
	}
}

func TestMaskHeaders(t *testing.T) {
	given := []ledger.Field{
		{Name: "Authorization", Value: "Bearer x"}, {Name: "x-plex-TOKEN", Value: "x"}, {Name: "Cookie", Value: "a=b"}, {Name: "X-Api-Key", Value: "x"},
		{Name: "DD-API-KEY", Value: "x"}, {Name: "X-Foo-Access-Token", Value: "x"}, {Name: "Cookie", Value: ""},
		{Name: "Referer", Value: "https://app.example/?token=x"}, {Name: "Content-Type", Value: "text/plain"}, {Name: "X-Plex-Version", Value: "1"},
	}
	q := ledger.Request{Header: append([]ledger.Field(nil), given...)}
	before := q.Header
	q.Mask()
	want := append([]ledger.Field(nil), given...)
	for i := range 6 {
		want[i].Value = ledger.Masked
	}
	want[7].Value = "https://app.example/?token=[redacted]"
	if diff := cmp.Diff(q.Header, want); diff != "" {
		t.Errorf("masked header (got, want):\n%s", diff)
	}
	if diff := cmp.Diff(before, given); diff != "" {
		t.Errorf("the caller's header was changed (got, want):\n%s", diff)
	}
}
