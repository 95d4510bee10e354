package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/audit"
)

// Bounds of a look into a Plex library.
const (
	plexWait     = 30 * time.Second
	plexPage     = 1000
	maxPlexBytes = 32 << 20 // of one answer
	maxPlexItems = 1_000_000
)

// plexContainer is what we read of an answer of a Plex server (python-plexapi, plexapi/library.py): sections, or items
// with their lengths. Titles are not read.
type plexContainer struct {
	MediaContainer struct {
		TotalSize int `json:"totalSize"`
		Directory []struct {
			Key  string `json:"key"`
			Type string `json:"type"` // movie, show, artist, photo
		} `json:"Directory"`
		Metadata []struct {
			Duration int64 `json:"duration"` // ms
		} `json:"Metadata"`
	} `json:"MediaContainer"`
}

// plexReader asks one server. The token goes into a header, so that no log of addresses has it.
type plexReader struct {
	base   *url.URL
	token  string
	client *http.Client
}

// readPlex reads the lengths of all titles of a Plex server in the house. The token is read from a file, sent to that
// server alone, and kept nowhere.
func readPlex(ctx context.Context, base, tokenFile string) (*audit.Library, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return nil, misused(errors.New("--plex: not the address of a server"), "write it as in http://192.168.1.20:32400")
	}
	if u.Scheme == "http" && !inHouse(u.Hostname()) {
		return nil, misused(errors.New("--plex: the token would leave the house unencrypted"), "name the server by its address in your house, or use https")
	}
	if tokenFile == "" {
		return nil, misused(errors.New("--plex without --token-file"), "write the token into a file that only you can read, and name it")
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %s", cause(err))
	}
	r := &plexReader{base: u, token: strings.TrimSpace(string(token))}
	if r.token == "" || strings.ContainsAny(r.token, "\r\n\t ") {
		return nil, fmt.Errorf("reading the token: %q does not hold one token and nothing else", tokenFile)
	}
	// A redirect could carry the token elsewhere; the environment's proxy must not see it either.
	r.client = &http.Client{Timeout: plexWait, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer r.client.CloseIdleConnections()
	return r.library(ctx)
}

// inHouse reports whether a host is written as an address of the house.
func inHouse(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast())
}

func (r *plexReader) library(ctx context.Context) (*audit.Library, error) {
	var sections plexContainer
	if err := r.get(ctx, "/library/sections", 0, &sections); err != nil {
		return nil, err
	}
	lib := audit.NewLibrary()
	for _, section := range sections.MediaContainer.Directory {
		// The number asks for the leaves: films, episodes, tracks (python-plexapi, plexapi/utils.py, SEARCHTYPES).
		leaves := map[string]string{"movie": "1", "show": "4", "artist": "10"}[section.Type]
		if _, err := strconv.ParseUint(section.Key, 10, 32); err != nil || leaves == "" {
			continue
		}
		kind := section.Type
		if kind == "artist" {
			kind = "track"
		}
		if err := r.section(ctx, lib, "/library/sections/"+section.Key+"/all?type="+leaves, kind); err != nil {
			return nil, err
		}
	}
	if lib.Titles == 0 {
		return nil, errors.New("reading the Plex library: it has no title with a length: nothing can be measured")
	}
	return lib, nil
}

// section adds the lengths of one section, page by page.
func (r *plexReader) section(ctx context.Context, lib *audit.Library, path, kind string) error {
	for from := 0; from < maxPlexItems; {
		var page plexContainer
		if err := r.get(ctx, path, from, &page); err != nil {
			return err
		}
		for _, item := range page.MediaContainer.Metadata {
			if item.Duration > 0 {
				lib.Add(kind, float64(item.Duration)/1000)
			} else {
				lib.Without++
			}
		}
		from += len(page.MediaContainer.Metadata)
		if len(page.MediaContainer.Metadata) == 0 || from >= page.MediaContainer.TotalSize {
			return nil
		}
	}
	return nil
}

// get asks for one page. Its errors hold neither the token nor what the server said.
func (r *plexReader) get(ctx context.Context, path string, from int, into *plexContainer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base.String()+path, nil)
	if err != nil {
		return fmt.Errorf("reading the Plex library: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Plex-Token", r.token)
	req.Header.Set("X-Plex-Container-Start", strconv.Itoa(from))
	req.Header.Set("X-Plex-Container-Size", strconv.Itoa(plexPage))
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("reading the Plex library: %s", cause(err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return hinted(errors.New("reading the Plex library: the server does not take this token"), "use the token of the account that owns the server")
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("reading the Plex library: the server answered %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxPlexBytes))
	if err != nil {
		return fmt.Errorf("reading the Plex library: %s", cause(err))
	}
	if err := json.Unmarshal(data, into); err != nil {
		return errors.New("reading the Plex library: the answer is not what a Plex server says")
	}
	return nil
}
