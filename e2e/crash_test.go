package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKillUnderLoad kills scrim at random moments while plays pour in, and demands that no request reached the
// origin that the ledger does not have.
func TestKillUnderLoad(t *testing.T) {
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	h := newHouse(t, ca, plexHosts(o.addr), immediate(t))
	root := h.ca()
	for round := range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				pour(ctx, h, root, fmt.Sprintf("%d-%d", round, w))
			}()
		}
		time.Sleep(200*time.Millisecond + time.Duration(rand.IntN(400))*time.Millisecond)
		h.kill()
		cancel()
		wg.Wait()
		h.start()
	}
	time.Sleep(300 * time.Millisecond)
	h.verify()
	all, _ := h.ledger()
	have := map[string]int{}
	for _, r := range sent(all) {
		have[r.body()]++
	}
	got := o.all()
	if len(got) < 50 {
		t.Fatalf("only %d requests reached the origin: no load", len(got))
	}
	slices.SortStableFunc(got, func(a, b arrived) int { // whole ones first: a cut one matches many
		return strings.Compare(strconv.FormatBool(a.Cut), strconv.FormatBool(b.Cut))
	})
	missing := 0
	for _, g := range got {
		if body := match(have, g); body != "" {
			have[body]--
		} else {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d requests that reached the origin are not in the ledger", missing, len(got))
	}
	t.Logf("%d requests reached the origin, %d sent records", len(got), len(sent(all)))
}

// match is the recorded body that g is: of a request that the kill cut off, one that begins as it does.
func match(have map[string]int, g arrived) string {
	if !g.Cut {
		if have[string(g.Body)] > 0 {
			return string(g.Body)
		}
		return ""
	}
	for body, n := range have {
		if n > 0 && strings.HasPrefix(body, string(g.Body)) {
			return body
		}
	}
	return ""
}

// pour posts plays through h until ctx ends. Every record's random device identifier makes its body its own.
func pour(ctx context.Context, h *house, root, who string) {
	client := h.client(root)
	for i := 0; ctx.Err() == nil; i++ {
		body := fmt.Sprintf(`{"event":"playback:itemend","deviceIdentifier":"device%012d%s","properties":{"type":"movie","duration":%d,"playbackTime":60}}`, i, strings.ReplaceAll(who, "-", "x"), 300+i%9000)
		req, err := http.NewRequestWithContext(ctx, "POST", "https://analytics.plex.tv/collect/event", bytes.NewReader([]byte(body)))
		if err != nil {
			panic(err)
		}
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
		res, err := client.Do(req)
		if err != nil {
			continue // scrim was killed
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}

// client is an HTTP client that uses h as its proxy and trusts root.
func (h *house) client(root string) *http.Client {
	pem, err := os.ReadFile(root)
	if err != nil {
		h.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: h.proxy}),
		TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64,
	}}
}
