package dns

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// doh asks over HTTPS (RFC 8484), by POST, over HTTP/2 where the server has it.
type doh struct {
	url    string
	client *http.Client
}

const dohType = "application/dns-message"

func newDoH(url string, t *dialTarget) *doh {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return t.dial(ctx, "tcp")
		},
		TLSClientConfig:       t.dialer.tls(t.host),
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxConnsPerHost:       4,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 5 * time.Second,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 3 * time.Second},
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &doh{url: url, client: &http.Client{Transport: transport, CheckRedirect: refuse}}
}

// exchange sends the query with id 0, as it is (RFC 8484, section 4.1).
func (d *doh) exchange(ctx context.Context, query []byte) ([]byte, error) {
	query = bytes.Clone(query)
	query[0], query[1] = 0, 0
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{"Content-Type": {dohType}, "Accept": {dohType}, "User-Agent": nil}
	res, err := d.client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		io.CopyN(io.Discard, res.Body, maxMessage) // so that the connection can be used again
		return nil, fmt.Errorf("HTTP status %d", res.StatusCode)
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, dohType) {
		return nil, fmt.Errorf("answered with %q, not %s", kind, dohType)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxMessage+1))
	if err != nil {
		return nil, err
	}
	if len(raw) < headerLen || len(raw) > maxMessage {
		return nil, fmt.Errorf("answered with %d bytes", len(raw))
	}
	return raw, nil
}

func (d *doh) close() { d.client.CloseIdleConnections() }
