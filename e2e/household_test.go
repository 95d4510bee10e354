package e2e

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The generated household: homes that watch for two weeks, each with its own scrim. Runtimes are drawn from the
// counts of testdata/reference, events have the shape of Plex Web's, a start and an end event stand at their true times.
const (
	homes = 20
	days  = 14
)

// runtimes is how many titles of the reference have each runtime in minutes; a season counts as ten episodes.
func runtimes(t *testing.T) (count map[int]int, total int) {
	t.Helper()
	f, err := os.Open("../testdata/reference/video-minutes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	count = map[int]int{}
	for _, r := range rows[1:] {
		minutes, _ := strconv.Atoi(r[0])
		films, _ := strconv.Atoi(r[1])
		seasons, _ := strconv.Atoi(r[3])
		count[minutes] += films + 10*seasons
		total += films + 10*seasons
	}
	return count, total
}

// play is one true play of the household.
type play struct {
	home     int
	start    time.Time
	minutes  int
	played   time.Duration
	bitrate  int
	device   string
	sentinel string // a title that stands in the event's context and must not leave
}

func (p *play) end() time.Time { return p.start.Add(p.played) }

// household draws the plays of all homes. The same seed draws the same.
func household(t *testing.T, seed uint64) (all []play) {
	t.Helper()
	count, total := runtimes(t)
	r := rand.New(rand.NewPCG(seed, 1))
	draw := func() int {
		n := r.IntN(total)
		for m := 0; ; m++ {
			if n -= count[m]; n < 0 {
				return m
			}
		}
	}
	first := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for home := range homes {
		device := fmt.Sprintf("home%02ddevice%012d", home, r.IntN(1e12))
		for day := range days {
			clock := first.AddDate(0, 0, day).Add(7*time.Hour + time.Duration(r.IntN(7200))*time.Second)
			for range 5 + r.IntN(5) {
				p := play{home: home, minutes: draw(), bitrate: 512 * (2 + r.IntN(30)), device: device, sentinel: fmt.Sprintf("Film %08d", r.IntN(1e8))}
				share := []float64{1, 1, 1, 0.95, 0.6, 0.3, 0.05}[r.IntN(7)]
				p.start = clock
				p.played = time.Duration(float64(p.minutes) * share * float64(time.Minute)).Round(time.Second)
				clock = p.end().Add(time.Duration(60+r.IntN(3600)) * time.Second)
				all = append(all, p)
			}
		}
	}
	return all
}

// events writes the start and end event of p as NDJSON, as Plex Web sends them: lengths to the nearest minute.
func (p *play) events(enc *json.Encoder) {
	round := func(d time.Duration) int { return int(math.Round(d.Minutes())) * 60 }
	props := func() map[string]any {
		return map[string]any{
			"serverType": "owned", "connectionType": "localhost", "type": "movie", "identifier": "com.plexapp.plugins.library",
			"page": "source", "protocol": "dash", "offset": 0, "container": "mp4", "duration": p.minutes * 60, "bitrate": p.bitrate,
			"videoCodec": "h264", "audioCodec": "aac", "player": "html", "context": "source:" + p.sentinel,
		}
	}
	write := func(at time.Time, event string, properties map[string]any) {
		body, _ := json.Marshal(map[string]any{
			"deviceIdentifier": p.device, "userId": 271828182 + p.home, "event": event, "interaction": true, "properties": properties,
			"sessionIdentifier": "5b1d2c3e-4f60-4a7b-8c9d-0e1f2a3b4c5d",
		})
		enc.Encode(map[string]any{
			"time": at.Format(time.RFC3339), "method": "POST", "url": "https://analytics.plex.tv/collect/event",
			"headers": map[string]string{"Content-Type": "text/plain;charset=UTF-8", "User-Agent": "Mozilla/5.0"}, "body": string(body),
		})
	}
	write(p.start, "playback:itemstart", props())
	end := props()
	end["playbackTime"], end["status"] = round(p.played), "stopped"
	write(p.end(), "playback:itemend", end)
}

// observed is one request as the vendor sees it.
type observed struct {
	Time    time.Time         `json:"time"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Bytes   int               `json:"bytes"` // of the content as it leaves, padding included
	home    int
	fields  struct {
		Event            string
		DeviceIdentifier string
		Properties       map[string]any
	}
	raw string
}

func observe(t *testing.T, file string, home int) (out []observed) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		o := observed{home: home}
		if err := json.Unmarshal(s.Bytes(), &o); err != nil {
			t.Fatalf("%v in %s", err, s.Bytes())
		}
		if json.Unmarshal(o.Body, &o.raw) != nil {
			o.raw = string(o.Body)
		}
		if err := json.Unmarshal([]byte(o.raw), &o.fields); err != nil {
			t.Fatalf("%v in %q", err, o.raw)
		}
		out = append(out, o)
	}
	return out
}

// lengths are the buckets of the generalized profile: lower edge in minutes and the seconds that are written.
var lengths = []struct{ edge, write int }{{0, 480}, {15, 1320}, {25, 1680}, {35, 2640}, {50, 3660}, {75, 5220}, {95, 6180}, {115, 8280}}

// shares are the factors of the watched part.
var shares = []struct{ from, factor float64 }{{0, 0.05}, {0.1, 0.3}, {0.5, 0.7}, {0.9, 1}}

// crowd is how many titles of the reference could have sent a record of this length, and how many of those could
// also have been played in the time between two releases.
func crowd(count map[int]int, written, playedShare float64) (titles, feasible int) {
	for i, b := range lengths {
		if float64(b.write) != written {
			continue
		}
		upper := math.MaxInt
		if i+1 < len(lengths) {
			upper = lengths[i+1].edge
		}
		for m, n := range count {
			if m >= b.edge && m < upper {
				titles += n
				if float64(m)*playedShare <= 24*60 {
					feasible += n
				}
			}
		}
	}
	return titles, feasible
}

// TestHouseholdCannotBeSingledOut is the attacker: it knows the reference catalogue, the published tables and the
// schedule, and reads every request that leaves, with its time. It is written from the definitions of the generalized
// profile, not from the code that rewrites.
func TestHouseholdCannotBeSingledOut(t *testing.T) {
	plays := household(t, 7)
	if len(plays) < 1900 {
		t.Fatalf("%d plays, want at least 1900", len(plays))
	}
	count, total := runtimes(t)
	var seen []observed
	for home := range homes {
		dir := t.TempDir()
		var in bytes.Buffer
		enc := json.NewEncoder(&in)
		for i := range plays {
			if plays[i].home == home {
				plays[i].events(enc)
			}
		}
		inFile, outFile, config := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "scrim.yaml")
		for file, text := range map[string]string{inFile: in.String(), config: "version: 1\nstate_dir: " + filepath.Join(dir, "state") + "\n"} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if stdout, stderr, code := run(t, nil, binary, "replay", inFile, "--out", outFile, "--config", config); code != 0 {
			t.Fatalf("replay: exit %d: %.500s%s", code, stdout, stderr)
		}
		seen = append(seen, observe(t, outFile, home)...)
	}

	var records []observed
	smallest, alone, bits := math.MaxInt, 0, 0.0
	var hours float64
	size := 0
	strangers := map[string]int{} // strings outside the closed sets, by how often they were seen
	slots := map[string]int{}
	for _, o := range seen {
		u, err := url.Parse(o.URL)
		if err != nil {
			t.Fatal(err)
		}
		size += o.Bytes + len(u.RequestURI())
		if o.Bytes != 512 {
			t.Errorf("a body of %d bytes", o.Bytes)
		}
		if o.Time.UTC().Hour() != localFour(o.Time) {
			t.Errorf("a record left at %v", o.Time)
		}
		strangers[o.fields.DeviceIdentifier]++
		for name, v := range o.fields.Properties {
			if s, ok := v.(string); ok && s != "video" {
				strangers[name+"="+s]++
			}
		}
		_, rate := o.fields.Properties["bitrate"]
		length, isPlay := o.fields.Properties["duration"].(float64)
		if rate && isPlay {
			t.Error("a length beside a bit rate")
		}
		if rate {
			if v := o.fields.Properties["bitrate"]; v != 2300.0 && v != 11200.0 {
				t.Errorf("bit rate %v is not in its closed set", v)
			}
			continue
		}
		records = append(records, o)
		if !isPlay {
			t.Errorf("a play without a length: %s", o.raw)
			continue
		}
		hours += length / 3600
		share, ok := o.fields.Properties["playbackTime"].(float64)
		if !ok || !inShares(share, length) {
			t.Errorf("watched part %v of %v is not in its closed set", share, length)
		}
		titles, feasible := crowd(count, length, share/length)
		smallest = min(smallest, titles)
		if titles <= 1 {
			alone++
		}
		if feasible > 0 && titles > 0 {
			bits += math.Log2(float64(titles) / float64(feasible))
		}
		slots[fmt.Sprint(o.home, o.Time.UTC().Format("2006-01-02"))]++
	}
	for s, n := range strangers {
		if n > 1 && s != "" {
			t.Errorf("a value stands in %d records", n)
		}
	}
	for slot, n := range slots {
		if n > 8 {
			t.Errorf("%d play records in the release %s, want at most 8", n, slot)
		}
	}
	var trueHours float64
	for _, p := range plays {
		trueHours += float64(p.minutes) / 60
	}
	if len(records) != len(plays) {
		t.Errorf("%d play records of %d plays", len(records), len(plays))
	}
	if alone != 0 {
		t.Errorf("%d plays fit one title only", alone)
	}
	if smallest < 2300 {
		t.Errorf("smallest crowd %d of %d, want at least 2300", smallest, total)
	}
	if perPlay := bits / float64(max(len(records), 1)); perPlay > 0.05 {
		t.Errorf("times add %.3f bits a play, want at most 0.05", perPlay)
	}
	if off := math.Abs(hours/trueHours - 1); off > 0.02 {
		t.Errorf("total hours are %.1f %% off, want at most 2", off*100)
	}
	if perPlay := size / len(plays); perPlay > 1100 {
		t.Errorf("%d bytes a play, want at most 1100", perPlay)
	}
	survived(t, plays, seen)
	t.Logf("%d plays, %d requests, smallest crowd %d of %d, hours %.2f %% off, %d bytes a play", len(plays), len(seen), smallest, total, (hours/trueHours-1)*100, size/len(plays))
}

// localFour is 04:00 of this machine's zone on the day of t, as an hour in UTC.
func localFour(t time.Time) int {
	l := t.Local()
	return time.Date(l.Year(), l.Month(), l.Day(), 4, 0, 0, 0, time.Local).UTC().Hour()
}

func inShares(v, length float64) bool {
	for _, s := range shares {
		if math.Abs(v-math.Round(length*s.factor)) < 1e-9 {
			return true
		}
	}
	return false
}

// survived fails for every true value that can be found in what left.
func survived(t *testing.T, plays []play, seen []observed) {
	t.Helper()
	for _, o := range seen {
		for _, secret := range []string{"home", "device0", "Film ", "2718281", "5b1d2c3e", "h264", "mp4", "localhost"} {
			if strings.Contains(o.raw, secret) && !strings.Contains(o.fields.DeviceIdentifier, secret) {
				t.Errorf("%q left", secret)
			}
		}
	}
	devices := map[string]bool{}
	for _, p := range plays {
		devices[p.device] = true
	}
	for _, o := range seen {
		if devices[o.fields.DeviceIdentifier] {
			t.Error("a device identifier left")
		}
	}
}
