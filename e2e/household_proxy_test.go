package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHouseholdThroughTheProxy lets one home's plays of a day go through the running proxy under the rules of the pack,
// with the release at the next minute in place of 04:00, and looks at what arrives as the attacker of the replay does.
func TestHouseholdThroughTheProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("a release comes by the minute")
	}
	t.Parallel()
	pack, err := os.ReadFile("../rules/pack/plex/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at, first := minutes(1)
	file := filepath.Join(t.TempDir(), "soon.yaml")
	soon := strings.ReplaceAll(string(pack), `at: "04:00"`, `at: "`+at[0]+`"`)
	soon = regexp.MustCompile(`(?m)^(product|title): .*\n`).ReplaceAllString(soon, "")
	soon = regexp.MustCompile(`(?m)^    kind: .*\n`).ReplaceAllString(soon, "")
	soon = regexp.MustCompile(`(?ms)^kinds:\n.*?\n\n`).ReplaceAllString(soon, "")
	soon = strings.ReplaceAll(soon, "  - id: plex-", "  - id: soon-")
	if err := os.WriteFile(file, []byte(soon), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	h := newHouse(t, ca, plexHosts(o.addr), "rule_files: ["+file+"]\n")
	client := h.client(h.ca())

	plays := household(t, 11)[:8]
	var in bytes.Buffer
	for i := range plays {
		plays[i].events(json.NewEncoder(&in))
	}
	for lines := bufio.NewScanner(&in); lines.Scan(); {
		var e struct{ URL, Body string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		res, err := client.Post(e.URL, "text/plain;charset=UTF-8", strings.NewReader(e.Body))
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || string(text) != "{}" {
			t.Fatalf("the client was told %d %q", res.StatusCode, text)
		}
		res.Body.Close()
	}
	if n := len(o.all()); n != 0 || time.Now().After(first) {
		t.Fatalf("%d records left before their time, or the machine is too slow for this test", n)
	}
	time.Sleep(time.Until(first.Add(10 * time.Second)))

	count, _ := runtimes(t)
	var seen []observed
	devices := map[string]bool{}
	technical := 0
	for _, g := range o.all() {
		var s observed
		s.raw = string(g.Body)
		if len(g.Body) != 512 || len(g.Header) > 4 || json.Unmarshal(g.Body, &s.fields) != nil {
			t.Errorf("arrived %q with %v", g.Body, g.Header)
		}
		if devices[s.fields.DeviceIdentifier] {
			t.Error("an identifier stands in two records")
		}
		devices[s.fields.DeviceIdentifier] = true
		seen = append(seen, s)
		length, isPlay := s.fields.Properties["duration"].(float64)
		if !isPlay {
			if v := s.fields.Properties["bitrate"]; v != 2300.0 && v != 11200.0 || len(s.fields.Properties) != 1 {
				t.Errorf("a technical record holds %v", s.fields.Properties)
			}
			technical++
			continue
		}
		share, ok := s.fields.Properties["playbackTime"].(float64)
		if titles, _ := crowd(count, length, share/length); !ok || !inShares(share, length) || titles < 2300 {
			t.Errorf("%v could be from %d titles", s.fields.Properties, titles)
		}
	}
	if technical != len(plays) || len(seen) != 2*len(plays) {
		t.Errorf("%d records arrived, %d of them technical; want %d plays and as many technical ones", len(seen), technical, len(plays))
	}
	survived(t, plays, seen)
	all, raw := h.ledger()
	sameAsLedger(t, o.all(), sent(all))
	for _, p := range plays {
		if strings.Contains(raw, p.sentinel) || strings.Contains(raw, p.device) {
			t.Error("a title or a device stands in the ledger")
		}
	}
	h.verify()
}
