package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// immediateRules let a generalized play leave at once: an owner's own rule, before the pack's, for the tests that
// need to see a request leave while its client waits. The pack holds its records until the night.
const immediateRules = `hosts: {analytics.plex.tv: telemetry}
rules:
  - id: plays-at-once
    why: The test watches what leaves.
    match:
      host: analytics.plex.tv
      method: POST
      path: /collect/event
      body:
        $.event: "playback:itemend"
        $.properties.type: [movie, episode, clip]
    then: generalize
    fields:
      $.event: keep
      $.properties.type: {map: {movie: video, episode: video, clip: video, video: video}}
      $.properties.duration: {bucket: video-length, unit: s, on_error: remove}
      $.properties.playbackTime: {derive: {share_of: $.properties.duration, edges: [0.1, 0.5, 0.9], factors: [0.05, 0.3, 0.7, 1]}, on_error: remove}
      $.deviceIdentifier: random
    reply: {status: 200, type: application/json, body: "{}"}
    examples:
      - name: a film
        in: {body: {event: "playback:itemend", userId: 1, deviceIdentifier: aaaa1111, properties: {type: movie, duration: 5640, playbackTime: 5600}}}
        out: [{body: {event: "playback:itemend", deviceIdentifier: "*", properties: {type: video, duration: 5220, playbackTime: 5220}}}]
`

// immediate is the configuration line that puts immediateRules before the packs.
func immediate(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "immediate.yaml")
	if err := os.WriteFile(file, []byte(immediateRules), 0o600); err != nil {
		t.Fatal(err)
	}
	return "rule_files: [" + file + "]\n"
}
