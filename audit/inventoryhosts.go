package audit

import "strings"

// telling are words that hosts of telemetry carry in their names, as a label or a part of one between hyphens.
func telling() []string {
	return []string{
		"telemetry", "metrics", "metric", "analytics", "analytic", "stats", "stat", "statistics", "tracking", "tracker", "track", "crash", "crashes",
		"crashlytics", "sentry", "bugsnag", "rollbar", "collector", "collect", "beacon", "beacons", "insights", "diagnostics", "diag", "usage", "events",
		"eventlog", "logging", "logs", "ingest", "segment", "mixpanel", "amplitude", "matomo", "piwik", "posthog", "plausible", "datadoghq", "newrelic", "nr-data",
		"appcenter", "countly", "snowplow", "snowplowanalytics", "google-analytics", "googletagmanager", "app-measurement", "watson", "vortex", "experiments", "rum", "pixel",
	}
}

// Shape is what went through tunnels to one host.
type Shape struct {
	Count             int64 // connections
	BytesIn, BytesOut int64 // to the client, to the host
}

// Bounds of what telemetry looks like from outside.
const (
	someConnections = 20
	smallUpload     = 64 << 10 // bytes a connection
)

// TelemetryLike says why the name of a host, or the shape of what goes there, looks like telemetry; "" where it does
// not. It is a guess, made to be looked at.
func TelemetryLike(host string, s Shape) string {
	for label := range strings.SplitSeq(strings.ToLower(host), ".") {
		for _, word := range telling() {
			if label == word || strings.HasPrefix(label, word+"-") || strings.HasSuffix(label, "-"+word) || strings.Contains(label, "-"+word+"-") {
				return "“" + word + "” in its name"
			}
		}
	}
	if s.Count >= someConnections && s.BytesOut > s.BytesIn && s.BytesOut/s.Count <= smallUpload {
		return "many small uploads, and little comes back"
	}
	return ""
}
