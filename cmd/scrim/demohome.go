package main

import (
	"fmt"
	"strings"
	"time"
)

// scene is one thing that a device of the demo's household says. All values are made up.
type scene struct {
	who, says   string
	method, url string
	contentType string
	body        string
}

// demoSecrets are the values in the scenes that would tell a person, a device or a title. None may leave. Short numbers
// are looked for as whole JSON values: the random identifiers that leave may hold their digits.
func demoSecrets() []string {
	return []string{"271828182", "k3v9q0t7m2w8", ":5640", ":5600", ":8123", "The Example Film", "Big%20Buck%20Bunny", "tt1254207", "Aunt Example",
		"3f9a51c2", ":18437", ":1210", "00112233445566778899", "active=true"}
}

// tunnelledHost is named by no rule: what goes there is its owner's affair, and not read.
const tunnelledHost = "media.example.net"

func demoScenes() []scene {
	const plexText, jsonText = "text/plain;charset=UTF-8", "application/json"
	plex := func(says, body string) scene {
		return scene{"Plex Web", says, "POST", "https://analytics.plex.tv/collect/event", plexText, body}
	}
	return []scene{
		plex("a film of 94 minutes has begun, on the device k3v9q0t7m2w8 of user 271828182",
			`{"event":"playback:itemstart","userId":271828182,"deviceIdentifier":"k3v9q0t7m2w8","properties":{"type":"movie","duration":5640,"bitrate":8123}}`),
		{"A browser", "the poster of that film, please", "GET", "https://" + tunnelledHost + "/poster.jpg", "", ""},
		plex("somebody clicked on \"play\"",
			`{"event":"client:click","userId":271828182,"deviceIdentifier":"k3v9q0t7m2w8","properties":{"action":"play","page":"source","row":0,"col":0}}`),
		plex("user 271828182 saw the film of 94 minutes to the end, at 8123 kbit/s",
			`{"event":"playback:itemend","userId":271828182,"deviceIdentifier":"k3v9q0t7m2w8","properties":{"type":"movie","duration":5640,"playbackTime":5600,"bitrate":8123,"context":"source:The Example Film"}}`),
		{"Plex Media Server", "the film that was added is Big Buck Bunny of 2008, tt1254207 (a metric written as a Python literal)", "GET",
			"https://metrics.plex.tv/collect/event", "application/x-www-form-urlencoded",
			`{'category': 'agent_event', 'action': 'search_match', 'options': {'id': 'tt1254207', 'name': 'Big%20Buck%20Bunny', 'year': 2008, 'force': False}}`},
		{"Navidrome", "this house has 18437 tracks by 1210 artists", "POST", "https://insights.navidrome.org/collect", jsonText,
			`{"id":"3f9a51c2-7d04-4e18-b6a7-52c0e8d1f394","version":"0.62.0","uptime":86408,"os":{"type":"linux","distro":"debian","containerized":false,"arch":"amd64","numCPU":2},"library":{"tracks":18437,"albums":1522,"artists":1210,"activeUsers":3}}`},
		{"Sonarr", "is there an update? By the way, I am in use (active=true)", "GET",
			"https://services.sonarr.tv/v1/update/main?version=4.0.9.2244&os=linux&arch=X64&active=true", "", ""},
		plex("an episode of 43 minutes was seen by half, and a field that no rule knows says with whom",
			`{"event":"playback:itemend","userId":271828182,"deviceIdentifier":"k3v9q0t7m2w8","properties":{"type":"episode","duration":2580,"playbackTime":1300,"bitrate":3000,"watchedWith":"Aunt Example"}}`),
		{"Plex Web", "it crashed, in session 00112233445566778899 (a Sentry report)", "POST",
			"https://o17675.ingest.sentry.io/api/5594889/envelope/?sentry_version=7", plexText,
			"{\"sent_at\":\"2024-01-15T20:00:04.501Z\"}\n{\"type\":\"session\"}\n{\"sid\":\"00112233445566778899aabbccddeeff\",\"status\":\"crashed\",\"errors\":1}\n"},
		plex("an event that no rule knows: who is in the room",
			`{"event":"room:present","userId":271828182,"deviceIdentifier":"k3v9q0t7m2w8","properties":{"people":["Aunt Example"]}}`),
	}
}

// demoHosts are the hosts of the scenes.
func demoHosts() []string {
	return []string{"analytics.plex.tv", "metrics.plex.tv", "o17675.ingest.sentry.io", "insights.navidrome.org", "services.sonarr.tv", tunnelledHost}
}

// demoConfig is the configuration of the demo: everything on loopback, every host at the collector, and resolvers that
// do not answer, so that nothing can leave this machine.
func demoConfig(collector string) string {
	var b strings.Builder
	b.WriteString(`version: 1
state_dir: state
listen: {proxy: "127.0.0.1:0", web: "127.0.0.1:0"}
clients: {allow: [loopback], names: {127.0.0.1: household}}
rule_files: [demo.yaml]
ledger: {store: memory, originals: memory, node: demo}
log: {level: error}
upstream:
  roots: collector.pem
  resolvers: ["udp://127.0.0.1:9"]
  hosts:
`)
	for _, host := range demoHosts() {
		fmt.Fprintf(&b, "    %s: %q\n", host, collector)
	}
	return b.String()
}

// demoMinutes is how many minutes from its start on the demo releases what is held.
const demoMinutes = 60

// demoRules is an owner's rule file: the Plex pack's treatment of a play, released at each minute instead of at 04:00.
func demoRules(now time.Time) string {
	var times []string
	for i := range demoMinutes {
		times = append(times, now.Add(time.Duration(i+1)*time.Minute).Format(`"15:04"`))
	}
	return strings.ReplaceAll(`product: plex
hosts: {analytics.plex.tv: telemetry}
rules:
  - id: demo-play
    kind: playback
    why: Duration and bit rate together can single out a film. The pack releases plays at 04:00; the demo at each minute.
    match:
      host: analytics.plex.tv
      method: POST
      path: /collect/event
      body: {$.event: ["playback:itemend"], $.properties.type: [movie, episode]}
    then: generalize
    parts:
      - name: play
        fields:
          $.event: keep
          $.properties.type: {map: {movie: video, episode: video}}
          $.properties.duration: {bucket: video-length, unit: s, on_error: remove}
          $.properties.playbackTime: {derive: {share_of: $.properties.duration, edges: [0.1, 0.5, 0.9], factors: [0.05, 0.3, 0.7, 1]}}
          $.deviceIdentifier: random
        release: {at: [TIMES], cap: 8, max_age: 7d, pad: 512}
      - name: technical
        fields:
          $.event: keep
          $.properties.bitrate: {bucket: video-rate, unit: kbps, by: {frame: [$.properties.width, $.properties.height]}, on_error: remove}
          $.deviceIdentifier: random
        release: {at: [TIMES], pool: 2, max_age: 7d, pad: 512}
    unlisted: remove
    on_error: drop
    reply: {status: 200, type: application/json, body: "{}"}
    examples:
      - name: a film of 94 minutes leaves as a video of 75 to 95
        in: {body: {event: "playback:itemend", deviceIdentifier: a, properties: {type: movie, duration: 5640, playbackTime: 5600, bitrate: 8123}}}
        out:
          - body: {event: "playback:itemend", deviceIdentifier: "*", properties: {type: video, duration: 5220, playbackTime: 5220}}
          - body: {event: "playback:itemend", deviceIdentifier: "*", properties: {bitrate: 11200}}
`, "TIMES", strings.Join(times, ", "))
}
