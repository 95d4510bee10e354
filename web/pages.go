package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

//go:embed openapi.json
var document []byte

// embedded are the pages.
func embedded() fs.FS {
	pages, err := fs.Sub(static, "static")
	if err != nil {
		panic("web: the pages are not in the binary") // the compiler put them there
	}
	return pages
}

// page is one file as it is served.
type page struct {
	kind   string
	etag   string
	plain  []byte
	packed []byte // gzip; nil where that is not smaller
}

// pages serves files from memory, packed once.
type pages struct {
	files map[string]*page // by URL path
}

func newPages(from fs.FS) (*pages, error) {
	p := &pages{files: map[string]*page{}}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || kindOf(name) == "" {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		made, err := newPage(name, data)
		p.files["/"+name] = made
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packing the pages: %w", err)
	}
	if index := p.files["/index.html"]; index != nil {
		p.files["/"] = index
	}
	return p, nil
}

func newPage(name string, data []byte) (*page, error) {
	sum := sha256.Sum256(data)
	made := &page{kind: kindOf(name), etag: base64.RawURLEncoding.EncodeToString(sum[:12]), plain: data}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	z.Write(data) // to memory
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() < len(data)*9/10 {
		made.packed = b.Bytes()
	}
	return made, nil
}

// kindOf is the media type of a file by its name; "" for what is not served. The system's table is not asked: it differs.
func kindOf(name string) string {
	return map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
		".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
		".webmanifest": "application/manifest+json", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
	}[path.Ext(name)]
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		plainText(w, http.StatusMethodNotAllowed, "pages can only be read\n")
		return
	}
	file := p.files[r.URL.Path]
	if file == nil {
		plainText(w, http.StatusNotFound, "there is no such page\n")
		return
	}
	file.serve(w, r)
}

// serve answers with the file, packed for who takes that, or says that the copy of the asker is good. Each form has an
// ETag of its own (RFC 9110, section 8.8.3.3).
func (f *page) serve(w http.ResponseWriter, r *http.Request) {
	data, etag := f.plain, `"`+f.etag+`"`
	h := w.Header()
	if f.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			data, etag = f.packed, `"`+f.etag+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache") // ask each time: after an update the pages must fit the API
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func takesGzip(accept string) bool {
	return slices.ContainsFunc(strings.Split(accept, ","), func(part string) bool {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return strings.EqualFold(strings.TrimSpace(coding), "gzip") && (err != nil || q > 0)
	})
}

func (s *Server) openapi(w http.ResponseWriter, r *http.Request) { s.api.serve(w, r) }
