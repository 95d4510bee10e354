package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// plexServer speaks the shape of a Plex server's library: two sections of titles, one of photos, pages of two.
func plexServer(t *testing.T, token string) *httptest.Server {
	t.Helper()
	type item map[string]any
	sections := map[string][]item{
		"1/all?type=1":  {{"title": "A", "duration": 5640000}, {"title": "B", "duration": 4800000}, {"title": "C"}},
		"2/all?type=10": {{"title": "D", "duration": 187000}},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Plex-Token") != token || strings.Contains(r.URL.String(), token) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/library/sections" {
			json.NewEncoder(w).Encode(item{"MediaContainer": item{"Directory": []item{{"key": "1", "type": "movie"}, {"key": "2", "type": "artist"}, {"key": "3", "type": "photo"}}}})
			return
		}
		items := sections[strings.TrimPrefix(r.URL.RequestURI(), "/library/sections/")]
		from, _ := strconv.Atoi(r.Header.Get("X-Plex-Container-Start"))
		page := items[min(from, len(items)):min(from+2, len(items))]
		json.NewEncoder(w).Encode(item{"MediaContainer": item{"totalSize": len(items), "Metadata": page}})
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestLengthsOfAPlexLibrary(t *testing.T) {
	srv := plexServer(t, "abcdefghij0123456789")
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("abcdefghij0123456789\n")
	lib, err := readPlex(context.Background(), srv.URL, file)
	if err != nil {
		t.Fatal(err)
	}
	if lib.Titles != 3 || lib.Without != 1 {
		t.Errorf("got %d titles and %d without a length, want 3 and 1", lib.Titles, lib.Without)
	}
	for text, want := range map[string]string{"wrong": "does not take this token", "": "one token", "two words": "one token"} {
		write(text)
		if _, err := readPlex(context.Background(), srv.URL, file); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "two words") {
			t.Errorf("token %q: got %v, want %q", text, err, want)
		}
	}
}

func TestPlexAddressesThatAreRefused(t *testing.T) {
	for _, base := range []string{"http://plex.example.com:32400", "http://203.0.113.5:32400", "ftp://192.168.1.2", "192.168.1.2", "http://user:secret@192.168.1.2"} {
		if _, err := readPlex(context.Background(), base, "token"); err == nil || exitCode(err) != exitMisused || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want a misuse", base, err)
		}
	}
}
