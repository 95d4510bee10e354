package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/scrimproxy/scrim/ledger"
)

// running is a scrim that runs, asked through its socket. It is a book.
type running struct {
	client http.Client
	folder *os.File
}

// errNotRunning says that nobody answers on the socket.
var errNotRunning = errors.New("scrim is not running")

// askRunning finds the scrim that runs with the state directory of cfg.
func askRunning(cfg *config) (*running, error) {
	hint := "start \"scrim serve\", or name the configuration it runs with: --config"
	folder, err := os.Open(cfg.stateDir())
	if err != nil {
		return nil, hinted(errNotRunning, hint)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socketPath(folder))
	}
	r := &running{folder: folder, client: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
	conn, err := dial(context.Background(), "", "")
	if err != nil {
		folder.Close()
		return nil, hinted(errNotRunning, hint)
	}
	return r, conn.Close()
}

// Close ends the asking.
func (r *running) Close() error { return r.folder.Close() }

// ask sends a question and returns the body of the answer.
func (r *running) ask(ctx context.Context, method, path string, question any) (io.ReadCloser, error) {
	text, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://scrim"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the running scrim: %s", cause(err))
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	message, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // as much of the words as there are
	if res.StatusCode == notFound {
		return nil, ledger.ErrNotFound
	}
	return nil, errors.New(strings.TrimSpace(string(message)))
}

// get asks and decodes the answer.
func (r *running) get(ctx context.Context, method, path string, question, into any) error {
	body, err := r.ask(ctx, method, path, question)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

func (r *running) status(ctx context.Context) (s status, err error) {
	return s, r.get(ctx, "GET", "/status", nil, &s)
}

// List is as of ledger.Reader, and so are the others.
func (r *running) List(ctx context.Context, f ledger.Filter) (p ledger.Page, err error) {
	return p, r.get(ctx, "POST", "/log/list", logQuestion{Filter: f}, &p)
}

func (r *running) Get(ctx context.Context, id string) (*ledger.Entry, error) {
	var e ledger.Entry
	if err := r.get(ctx, "POST", "/log/get", logQuestion{ID: id}, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

func (r *running) Verify(ctx context.Context) (report ledger.Report, err error) {
	return report, r.get(ctx, "POST", "/log/verify", logQuestion{}, &report)
}

func (r *running) Export(ctx context.Context, w io.Writer, format string, f ledger.Filter) error {
	body, err := r.ask(ctx, "POST", "/log/export", logQuestion{Format: format, Filter: f})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

func (r *running) Follow(ctx context.Context, f ledger.Filter, fn func(ledger.Entry) error) error {
	body, err := r.ask(ctx, "POST", "/log/follow", logQuestion{Filter: f})
	if err != nil {
		return err
	}
	defer body.Close()
	lines := json.NewDecoder(body)
	for {
		var e ledger.Entry
		err := lines.Decode(&e)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("scrim has stopped")
		}
		if err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
}
