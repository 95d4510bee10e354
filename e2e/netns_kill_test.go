//go:build linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func (l *lab) config(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(l.conf)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestKilled ends scrim by kill -9 in each mode: telemetry stays in the house, what is not ruled goes on, and when
// scrim is back so is everything.
func TestKilled(t *testing.T) {
	const listen = "dns: {answer: %s, upstreams: [\"udp://" + dns4 + "\"]}\nlisten: {dns: \":53\", web: \"\", %s}\n"
	const clients = "[" + client4 + ", " + client6 + "]"
	report := func(to ...string) []string {
		return append(to, "-d", `{"minutes": 94}`, "https://stats.home.example/report")
	}
	far := []string{"--resolve", "far.example:443:" + far4, "https://far.example/"}
	for _, mode := range []struct {
		name, answer, listen, firewall string
		stats                          []string
		free                           bool // what no rule names goes on through the same door
	}{
		{"explicit", "self", `proxy: ":3128"`, "", []string{"--proxy", "http://" + router4 + ":3128"}, false},
		{"dns", "self", `proxy: "", tls: ":443", http: ":80"`, "", []string{"--resolve", "stats.home.example:443:" + router4}, true},
		{"redirect-rules", "origin", `proxy: "", transparent: ":3129"`, "redirect, scope: rules", []string{"--resolve", "stats.home.example:443:" + origin4}, true},
		{"redirect-all", "origin", `proxy: "", transparent: ":3129"`, "redirect, scope: all", []string{"--resolve", "stats.home.example:443:" + origin4}, true},
		{"tproxy-rules", "origin", `proxy: "", transparent: ":3129"`, "tproxy, scope: rules", []string{"--resolve", "stats.home.example:443:[" + origin6 + "]"}, true},
		{"tproxy-all", "origin", `proxy: "", transparent: ":3129"`, "tproxy, scope: all", []string{"--resolve", "stats.home.example:443:" + origin4}, true},
	} {
		t.Run(mode.name, func(t *testing.T) {
			l := newLab(t)
			settings := fmt.Sprintf(listen, mode.answer, mode.listen)
			if mode.firewall != "" {
				settings += "firewall: {mode: " + mode.firewall + ", clients: " + clients + "}\n"
			}
			l.serve(settings, mode.firewall != "")
			if !strings.HasSuffix(mode.firewall, "all") { // scope: all learns the address from the connection
				l.in(l.client, nil, "dig", "+short", "stats.home.example", "A")
				l.in(l.client, nil, "dig", "+short", "stats.home.example", "AAAA")
			}
			if out, code := l.curl(report(mode.stats...)...); code != 0 || !strings.Contains(out, "200") {
				t.Fatalf("before: exit %d: %s", code, out)
			}
			time.Sleep(200 * time.Millisecond) // the set is filled behind the connection
			l.kill()
			l.world.take()
			if out, code := l.curl(report(mode.stats...)...); code == 0 {
				t.Errorf("telemetry left after the kill: %s", out)
			}
			through := far
			if !mode.free {
				through = append([]string{"--proxy", "http://" + router4 + ":3128"}, far...)
			}
			if mode.free {
				l.until("what no rule names goes on", 5*time.Second, func() bool { _, code := l.curl(append([]string{"--max-time", "1"}, through...)...); return code == 0 })
			} else if out, code := l.curl(through...); code == 0 {
				t.Errorf("the explicit door answers after the kill: %s", out)
			}
			if out, code := l.curl(report(mode.stats...)...); code == 0 {
				t.Errorf("telemetry left later: %s", out)
			}
			for _, got := range l.world.take() {
				if got.Host == "stats.home.example" {
					t.Errorf("the origin has %s", got.Body)
				}
			}
			l.start()
			if out, code := l.curl(report(mode.stats...)...); code != 0 || !strings.Contains(out, "200") {
				t.Errorf("back again: exit %d: %s", code, out)
			}
			for _, got := range l.world.take() {
				if got.Host == "stats.home.example" && string(got.Body) != `{"minutes":90}` {
					t.Errorf("back again: the origin has %s", got.Body)
				}
			}
		})
	}
}
