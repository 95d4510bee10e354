package main

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// Bounds of the search for canaries in one request.
const (
	deepestReading = 4
	mostReadings   = 2000
	mostRuns       = 200 // stretches of base64 in one text
)

var base64Stretch = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}={0,2}`)

var jsonEscape = regexp.MustCompile(`\\u[0-9A-Fa-f]{4}`)

// readings are raw and every text that can be read out of it: percent-decoded, JSON escapes undone, base64, gzip,
// deflate, br and zstd undone, nested.
func readings(raw []byte) [][]byte {
	seen := map[string]bool{}
	var all [][]byte
	var read func(b []byte, depth int)
	read = func(b []byte, depth int) {
		if len(b) == 0 || depth > deepestReading || len(all) >= mostReadings || seen[string(b)] {
			return
		}
		seen[string(b)] = true
		all = append(all, b)
		if text, err := url.QueryUnescape(string(b)); err == nil {
			read([]byte(text), depth+1)
		}
		read(unescaped(b), depth+1)
		for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
			if plain, _, err := body.Plain(coding, b, body.Limits{MaxBytes: 1 << 20}); err == nil {
				read(plain, depth+1)
			}
		}
		for _, stretch := range base64Stretch.FindAll(b, mostRuns) {
			text := strings.TrimRight(string(stretch), "=")
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if plain, err := enc.DecodeString(text); err == nil {
					read(plain, depth+1)
				}
			}
		}
	}
	read(raw, 0)
	return all
}

// unescaped undoes the escapes of JSON strings (RFC 8259, section 7), wherever they stand.
func unescaped(b []byte) []byte {
	if !bytes.ContainsRune(b, '\\') {
		return nil
	}
	b = jsonEscape.ReplaceAllFunc(b, func(esc []byte) []byte {
		n, err := strconv.ParseUint(string(esc[2:]), 16, 16)
		if err != nil {
			return esc
		}
		return []byte(string(rune(n)))
	})
	return []byte(strings.NewReplacer(`\"`, `"`, `\/`, `/`, `\\`, `\`).Replace(string(b)))
}

// in reports whether one of the texts holds a canary. A number counts only where no letter or digit is beside it.
func (c *canary) in(texts [][]byte) bool {
	for _, text := range texts {
		for from := 0; ; {
			i := bytes.Index(text[from:], []byte(c.text))
			if i < 0 {
				break
			}
			i += from
			if !c.number || alone(text, i, i+len(c.text)) {
				return true
			}
			from = i + 1
		}
	}
	return false
}

func alone(text []byte, from, to int) bool {
	return (from == 0 || !isWordByte(text[from-1])) && (to == len(text) || !isWordByte(text[to]))
}

func isWordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
