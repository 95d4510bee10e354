package ledger

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The types of HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/), as far as the ledger fills them.
// Members that begin with an underscore are ours, which the format allows.
type (
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harPost struct {
		MimeType string    `json:"mimeType"`
		Params   []harPair `json:"params"`
		Text     string    `json:"text"`
		Encoding string    `json:"_encoding,omitempty"` // base64 where the body is no text
		Digest   string    `json:"_digest,omitempty"`
		Cut      bool      `json:"_cut,omitempty"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		QueryString []harPair `json:"queryString"`
		PostData    *harPost  `json:"postData,omitempty"`
		HeadersSize int64     `json:"headersSize"`
		BodySize    int64     `json:"bodySize"`
	}
	harContent struct {
		Size     int64  `json:"size"`
		MimeType string `json:"mimeType"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int64      `json:"headersSize"`
		BodySize    int64      `json:"bodySize"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harEntry struct {
		Started  string      `json:"startedDateTime"`
		Time     float64     `json:"time"` // ms
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Scrim    harScrim    `json:"_scrim"`
	}
	harScrim struct {
		ID      string `json:"id"`
		Product string `json:"product,omitempty"`
		Kind    string `json:"kind,omitempty"`
		Rule    string `json:"rule,omitempty"`
		Part    string `json:"part,omitempty"`
		Verdict string `json:"verdict,omitempty"`
		Client  string `json:"client,omitempty"`
		Edits   []Edit `json:"edits,omitempty"`
	}
)

// exportHAR writes what left: entries with a request that were sent.
func (r *Reader) exportHAR(ctx context.Context, out *bufio.Writer, f Filter) error {
	if len(f.Types) == 0 {
		f.Types = []Type{Sent}
	}
	const head = `{"log":{"version":"1.2","creator":{"name":"scrim","version":"1"},"entries":[`
	if _, err := out.WriteString(head); err != nil {
		return err
	}
	sep := "\n"
	err := r.each(ctx, f, func(e *Entry) error {
		if e.Request == nil {
			return nil
		}
		line, err := json.Marshal(e.har())
		if err != nil {
			return err
		}
		if _, err := out.WriteString(sep); err != nil {
			return err
		}
		sep = ",\n"
		_, err = out.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	_, err = out.WriteString("\n]}}\n")
	return err
}

func (e *Entry) har() *harEntry {
	q := e.Request
	h := &harEntry{
		Started: e.Time.Format(time.RFC3339Nano),
		Request: harRequest{
			Method: q.Method, URL: e.url(), HTTPVersion: orElse(q.Version, "HTTP/1.1"),
			Cookies: []harPair{}, Headers: make([]harPair, 0, len(q.Header)), QueryString: queryPairs(e.url()),
			HeadersSize: -1, BodySize: q.Length,
		},
		Response: harResponse{
			HTTPVersion: orElse(q.Version, "HTTP/1.1"), Cookies: []harPair{}, Headers: []harPair{},
			Content: harContent{MimeType: "x-unknown"}, HeadersSize: -1, BodySize: -1,
		},
		Scrim: harScrim{e.ID, e.Product, e.Kind, e.Rule, e.Part, e.Verdict, e.Client, e.Edits},
	}
	mime := ""
	for _, field := range q.Header {
		h.Request.Headers = append(h.Request.Headers, harPair(field))
		if strings.EqualFold(field.Name, "Content-Type") {
			mime = field.Value
		}
	}
	if len(q.Body) > 0 {
		h.Request.PostData = &harPost{MimeType: mime, Params: []harPair{}, Text: string(q.Body), Digest: q.Digest, Cut: q.Cut}
		if !utf8.Valid(q.Body) {
			h.Request.PostData.Text, h.Request.PostData.Encoding = base64.StdEncoding.EncodeToString(q.Body), "base64"
		}
	}
	if res := e.Result; res != nil {
		h.Response.Status, h.Response.StatusText = res.Status, http.StatusText(res.Status)
		h.Response.Content.Size, h.Response.BodySize = res.BytesIn, res.BytesIn
		h.Time = float64(res.Duration) / 1e6
		h.Timings.Wait = h.Time
	}
	return h
}

// url is the target URI of what left (RFC 9110, section 7.1).
func (e *Entry) url() string {
	target := e.Request.Target
	if strings.Contains(target, "://") && !strings.HasPrefix(target, "/") {
		return target
	}
	scheme, host := orElse(e.Scheme, "https"), e.Host
	known := map[string]uint16{"http": 80, "https": 443, "ws": 80, "wss": 443}
	switch {
	case e.Port != 0 && e.Port != known[scheme]:
		host = net.JoinHostPort(host, strconv.Itoa(int(e.Port)))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return scheme + "://" + host + target
}

func queryPairs(target string) []harPair {
	pairs := []harPair{}
	_, query, _ := strings.Cut(target, "?")
	query, _, _ = strings.Cut(query, "#")
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, harPair{unescaped(name), unescaped(value)})
	}
	return pairs
}

func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
