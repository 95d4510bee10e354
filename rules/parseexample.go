package rules

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules/strict"
)

func (r *reader) readExamples(n *strict.Node, rule *Rule) {
	for _, item := range n.Items() {
		f := item.Fields("name", "in", "out", "profile")
		if !item.IsMap() {
			continue
		}
		e := Example{Name: f["name"].Str(), Profile: f["profile"].Word(profileNames...), Pos: posOf(item)}
		if f["in"] == nil || f["out"] == nil {
			item.Fault("an example needs in and out", "out: [] says that nothing leaves")
			continue
		}
		e.In = readExampleMessage(f["in"])
		for _, out := range f["out"].Items() {
			e.Out = append(e.Out, readExampleMessage(out))
		}
		rule.Examples = append(rule.Examples, e)
	}
}

func readExampleMessage(n *strict.Node) ExampleMessage {
	f := n.Fields("method", "url", "headers", "body", "body64", "time")
	m := ExampleMessage{Method: f["method"].Str(), URL: f["url"].Str(), Header: readHeader(f["headers"]), Body: readBody(f["body"]), Pos: posOf(n)}
	if m.Method != "" && !isToken(m.Method) {
		f["method"].Fault(strconv.Quote(m.Method)+" is not a method", "")
	}
	if m.URL != "" && m.URL[0] != '/' && !strings.HasPrefix(m.URL, "http://") && !strings.HasPrefix(m.URL, "https://") {
		f["url"].Fault(strconv.Quote(m.URL)+" is not a URL", "write https://host/path, or the path and query alone")
	}
	if f["body64"] != nil {
		m.Body64 = readBase64(f["body64"])
		if f["body"] != nil {
			f["body64"].Fault("body64 beside body", "keep one of them")
		}
	}
	if text := f["time"].Str(); text != "" {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			f["time"].Fault(strconv.Quote(text)+" is not a time", "write it as in 2026-01-15T20:00:00Z")
		}
		m.Time = t
	}
	return m
}

func readBase64(n *strict.Node) []byte {
	text := strings.Join(strings.Fields(n.Str()), "")
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		n.Fault("not base64", "write standard base64 (RFC 4648, section 4) with its padding")
		return nil
	}
	if data == nil {
		data = []byte{}
	}
	return data
}
