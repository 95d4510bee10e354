package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"
)

// TestCanonicalEncodingIsAsPromised holds the encoding of docs/ledger.md, section 3. It must never change within
// format 1: ledgers in the field would cease to verify.
func TestCanonicalEncodingIsAsPromised(t *testing.T) {
	r := &Record{
		Type: Sent, Flow: "f1", Door: "proxy", Client: "192.0.2.1", Scheme: "https", Host: "metrics.example", Port: 443, Product: "plex",
		Kind: "playback", Rule: "r", Part: "play", Verdict: "generalize", Reason: "switch", Detail: "d\"\\\n\x01\xff\u2028<é", RefSeq: 3,
		Edits: []Edit{{Part: "play", Selector: "$.a", Transform: "round", Detail: "to 15 min", Type: "number", Shape: "integer, 4 digits", Count: 2, Error: "e", Listed: true, Removed: true}},
		Request: &Request{
			Method: "POST", Target: "/x", Header: []Field{{"Host", "metrics.example"}, {"X", ""}}, Body: []byte("{}"), Coding: "gzip", Cut: true, Length: 22,
			Digest: "aa", Version: "HTTP/2.0",
		},
		Status: 200, BytesIn: 1, BytesOut: 2, Duration: 3, Error: "x", Count: 4, Anchor: "bb",
	}
	w := &writer{bounds: boundsFor(DefaultKeepSize)}
	it := w.ready(r)
	row := Row{Node: "nas", Seq: 7, Time: time.Date(2026, 3, 1, 2, 3, 4, 500, time.UTC).UnixNano(), Ref: r.RefSeq, Key: r.key(), Rest: it.rest, Body: it.body}
	const want = `{"node":"nas","seq":7,"time":"2026-03-01T02:03:04.0000005Z","type":"sent","door":"proxy","client":"192.0.2.1","scheme":"https",` +
		`"host":"metrics.example","port":443,"product":"plex","kind":"playback","rule":"r","part":"play","verdict":"generalize","ref":3,` +
		`"flow":"f1","reason":"switch","detail":"d\"\\\n\u0001` + "\uFFFD\u2028<é" + `","edits":[{"selector":"$.a","transform":"round","part":"play","detail":"to 15 min",` +
		`"type":"number","shape":"integer, 4 digits","count":2,"error":"e","listed":true,"removed":true}],` +
		`"request":{"method":"POST","target":"/x","header":[{"name":"Host","value":"metrics.example"},{"name":"X","value":""}],"coding":"gzip","cut":true,` +
		`"length":22,"digest":"aa","version":"HTTP/2.0","body_sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},` +
		`"status":200,"bytes_in":1,"bytes_out":2,"duration_ns":3,"error":"x","count":4,"anchor":"bb"}`
	if got := string(row.appendCanonical(nil)); got != want {
		t.Errorf("canonical encoding\n got %s\nwant %s", got, want)
	}
	prev := [32]byte{1}
	hash, _ := row.hashAfter(&prev, nil)
	plain := sha256.Sum256([]byte("scrim ledger 1\n" + string(prev[:]) + want))
	if hash != plain {
		t.Errorf("hash %x; want %x", hash, plain)
	}
	back, err := row.record()
	if err != nil || back.Hash != hex.EncodeToString(row.Hash[:]) || back.Edits[0] != r.Edits[0] || back.Request.BodyDigest != r.Request.BodyDigest {
		t.Errorf("it reads back as %+v, %v", back, err)
	}
	least := Row{Node: "n", Seq: 1}
	if got, want := string(least.appendCanonical(nil)), `{"node":"n","seq":1,"time":"1970-01-01T00:00:00Z"}`; got != want {
		t.Errorf("the least record is %s; want %s", got, want)
	}
}

func FuzzStringsSurviveTheEncoding(f *testing.F) {
	for _, seed := range []string{"", "a", "\x00\x1f\"\\/", "\xff\xfe", "é\u2028\U0001F600", "\xed\xa0\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatalf("%q is encoded as %s: %v", s, appendString(nil, s), err)
		}
		if want := string([]rune(s)); back != want {
			t.Errorf("%q comes back as %q; want %q", s, back, want)
		}
	})
}

func FuzzPrintableIsOneLine(f *testing.F) {
	f.Add("a\r\nb\x1b[31m\u202e\xff\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		once := Printable(s)
		for _, r := range once {
			if odd(r) {
				t.Fatalf("%q is shown as %q, which holds %q", s, once, r)
			}
		}
		if Printable(once) != once {
			t.Errorf("%q is shown otherwise the second time", s)
		}
	})
}
