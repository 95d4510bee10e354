package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
)

// plexHosts are the hosts of the Plex part of the corpus, all answered by one origin.
func plexHosts(addr string) map[string]string {
	hosts := map[string]string{}
	for _, name := range []string{"analytics.plex.tv", "metrics.plex.tv", "o17675.ingest.sentry.io"} {
		hosts[name] = addr
	}
	return hosts
}

// logEntry is a record of `scrim log export --format ndjson`, as far as these tests read it.
type logEntry struct {
	Type, Host, Product, Kind, Rule, Verdict, Part, Reason string
	Seq                                                    int64
	Edits                                                  []struct{ Selector, Transform, Type, Shape string }
	Result                                                 *struct{ Verdict string }
	Request                                                *struct {
		Method, Target string
		Header         []struct{ Name, Value string }
		Body           string
	}
}

func (l *logEntry) body() string {
	if l.Request == nil {
		return ""
	}
	if raw, err := base64.StdEncoding.DecodeString(l.Request.Body); err == nil && len(raw) > 0 {
		return string(raw)
	}
	return l.Request.Body
}

// ledger is everything the ledger holds, oldest first.
func (h *house) ledger() (all []logEntry, raw string) {
	h.t.Helper()
	out, stderr, code := h.scrim("log", "export", "--format", "ndjson")
	if code != 0 {
		h.t.Fatalf("log export: exit %d: %s", code, stderr)
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if line == "" {
			continue
		}
		var l logEntry
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			h.t.Fatalf("log export: %v in %q", err, line)
		}
		all = append(all, l)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Seq < all[j].Seq })
	return all, out
}

func sent(all []logEntry) (out []logEntry) {
	for _, l := range all {
		if l.Type == "sent" {
			out = append(out, l)
		}
	}
	return out
}

// verify demands that the ledger's chain holds.
func (h *house) verify() {
	h.t.Helper()
	if out, stderr, code := h.scrim("log", "verify"); code != 0 {
		h.t.Errorf("log verify: exit %d\n%s%s", code, out, stderr)
	}
}

// sameAsLedger demands that the ledger's sent records and what the origin received are the same requests, in any order.
func sameAsLedger(t *testing.T, got []arrived, records []logEntry) {
	t.Helper()
	mask := regexp.MustCompile(`(?i)((?:sentry_key|token|x-plex-token|api_key|api_secret)=)[^&]*`)
	line := func(method, target, body string) string {
		if u, err := url.QueryUnescape(target); err == nil {
			target = u
		}
		return method + " " + mask.ReplaceAllString(target, "$1") + " " + body
	}
	var a, b []string
	for _, g := range got {
		a = append(a, line(g.Method, g.Target, string(g.Body)))
	}
	for _, r := range records {
		b = append(b, line(r.Request.Method, strings.NewReplacer("[redacted]", "", "%5Bredacted%5D", "").Replace(r.Request.Target), r.body()))
	}
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("the ledger and the origin differ\norigin:\n%s\nledger:\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

func TestPlexWebThroughTheExplicitDoor(t *testing.T) {
	for _, version := range []string{"--http1.1", "--http2"} {
		t.Run(strings.TrimLeft(version, "-"), func(t *testing.T) {
			ca := newAuthority(t)
			o := newOrigin(t, ca, nil)
			h := newHouse(t, ca, plexHosts(o.addr), immediate(t))
			entries := corpus(t, "plex-web.har")
			root := h.ca()
			for _, e := range entries {
				out, stderr, code := h.curl(e, "--cacert", root, version, "-w", "\n%{http_code} %{http_version}")
				if code != 0 {
					t.Fatalf("%s: curl exit %d: %s", e.name(), code, stderr)
				}
				wantVersion := map[string]string{"--http1.1": "1.1", "--http2": "2"}[version]
				if !strings.HasSuffix(out, "\n200 "+wantVersion) {
					t.Errorf("%s: client was told %q, want 200 over HTTP/%s", e.name(), out, wantVersion)
				}
			}
			got := o.all()
			if len(got) == 0 {
				t.Fatal("nothing arrived at the origin")
			}
			for _, e := range entries {
				for _, s := range survivors(t, e, got) {
					t.Errorf("%s: survived: %s", e.name(), s)
				}
			}
			all, raw := h.ledger()
			for _, e := range entries {
				for _, c := range canaries(t, e) {
					for _, v := range c.Values {
						if long(v) && strings.Contains(raw, v) {
							t.Errorf("%s: %s %s stands in the ledger", e.name(), c.In, c.Path)
						}
					}
				}
			}
			sameAsLedger(t, got, sent(all))
			h.verify()
			if strings.Contains(h.said(), "k3v9q0t7m2w8x1c5b6n4r8ya") {
				t.Error("an identifier stands in the log")
			}
		})
	}
}

func TestLegacyAgentsStayInTheHouse(t *testing.T) {
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	h := newHouse(t, ca, plexHosts(o.addr), immediate(t))
	root := h.ca()
	for _, e := range corpus(t, "plex-media-server.har") {
		if e.url(t).Host != "metrics.plex.tv" {
			continue
		}
		if out, stderr, code := h.curl(e, "--cacert", root, "-w", "%{http_code}"); code != 0 || !strings.HasSuffix(out, "200") {
			t.Errorf("%s: exit %d, %q, %s", e.name(), code, out, stderr)
		}
	}
	if got := o.all(); len(got) != 0 {
		t.Errorf("%d requests left, want none", len(got))
	}
	all, raw := h.ledger()
	if len(all) != 3 {
		t.Errorf("%d records, want 3 kept", len(all))
	}
	for _, title := range []string{"Sintel", "Tears", "Bunny", "tt1254207"} {
		if strings.Contains(raw, title) {
			t.Errorf("%q stands in the ledger", title)
		}
	}
}
