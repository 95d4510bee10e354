package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/ledger"
)

// scenePause is the time between two scenes at speed 1: ten of them are most of a minute.
const scenePause = 5 * time.Second

// demo is a house, a collector for it, and the household that talks through the one to the other.
type demo struct {
	app       *app
	dir       string // removed at the end
	pause     time.Duration
	once      bool
	open      bool // a browser, where there is one
	house     *house
	collector *collector
	client    *http.Client
	told      map[string]bool // entries, by ID
	tunnelled int64           // requests, when last looked
	leaked    []string        // secrets that arrived: a fault of ours
	left      int             // requests that arrived
}

func newDemoCommand(a *app) *cobra.Command {
	var speed float64
	var fast, once, noOpen bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "watch a small household's telemetry run through scrim, on this machine alone",
		Long: `demo runs scrim for a made-up household whose devices talk to a collector on this machine, and tells what
each says, what leaves of it and what stays. The review UI is open on it until you interrupt. Everything is on
loopback and in a temporary folder, which is removed at the end; nothing is sent anywhere else.`,
		Example: "  scrim demo\n  scrim demo --fast --once",
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			if speed <= 0 {
				return misused(fmt.Errorf("--speed %v: the speed is a number above 0", speed), "1 takes a minute, 4 a quarter of it")
			}
			d := &demo{app: a, pause: time.Duration(float64(scenePause) / speed), once: once, told: map[string]bool{}, open: !noOpen && a.ui.terminal}
			if fast {
				d.pause = 0
			}
			return d.run(c.Context())
		},
	}
	c.Flags().Float64Var(&speed, "speed", 1, "how fast the household talks; 2 is twice as fast")
	c.Flags().BoolVar(&fast, "fast", false, "let the household say everything at once")
	c.Flags().BoolVar(&once, "once", false, "end when everything has left that will, instead of at an interrupt")
	c.Flags().BoolVar(&noOpen, "no-open", false, "open no browser")
	return c
}

// run is the demo from an empty folder to none. An interrupt is how it ends well.
func (d *demo) run(ctx context.Context) (err error) {
	if d.dir, err = os.MkdirTemp("", "scrim-demo-*"); err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	if d.collector, err = openCollector(demoHosts()); err != nil {
		return err
	}
	defer d.collector.close()
	if err := d.furnish(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- d.house.run(running) }()
	err = d.play(ctx)
	stop()
	if failed := <-ended; failed != nil {
		return failed
	}
	if ctx.Err() != nil { // interrupted, as the greeting offers
		err = nil
	}
	if len(d.leaked) > 0 {
		err = fmt.Errorf("%s of the household arrived at the collector, which must not be", count(len(d.leaked), "value"))
	}
	return err
}

// furnish writes configuration and rules, builds the house that serve would build of them, and the household's client.
func (d *demo) furnish(ctx context.Context) error {
	files := map[string]string{
		"scrim.yaml": demoConfig(d.collector.listener.Addr().String()), "demo.yaml": demoRules(time.Now()), "collector.pem": string(d.collector.root),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("furnishing the demo: %w", err)
		}
	}
	inside := &app{ui: d.app.ui, in: d.app.in, configFile: filepath.Join(d.dir, "scrim.yaml")}
	var err error
	if d.house, err = inside.build(ctx); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(d.house.authority.RootPEM())
	roots.AppendCertsFromPEM(d.collector.root)
	door := &url.URL{Scheme: "http", Host: d.house.addrs()["proxy"].String()}
	d.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		Proxy: http.ProxyURL(door), TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
	}}
	return nil
}

// play lets the household talk, waits for what is held, and tells of it all.
func (d *demo) play(ctx context.Context) error {
	u := d.app.ui
	look := "http://" + d.house.web.server.Addr().String()
	u.line(u.paint(bold, "scrim demo"), ": a made-up household, a collector on this machine that stands for the vendors, and scrim between them")
	u.line("  look   ", look)
	u.line("  state  ", d.dir, " (removed at the end)")
	u.line("  end    Ctrl-C")
	u.flush()
	if d.open {
		openBrowser(look)
	}
	for _, s := range demoScenes() {
		if !d.wait(ctx, d.pause) {
			return d.sum()
		}
		if err := d.act(ctx, s); err != nil {
			if ctx.Err() != nil {
				return d.sum()
			}
			return err
		}
	}
	if waits := d.house.holding.waiting(); waits.Records > 0 {
		u.line()
		u.line(u.paint(bold, "The household is quiet. "), count(waits.Records, "record"), " wait for the release at ", waits.Next.Format("15:04"), ", in an order that is drawn then.")
		u.flush()
	}
	for d.house.holding.waiting().Records > 0 && d.wait(ctx, time.Second/10) {
	}
	d.wait(ctx, time.Second/2) // what is on its way arrives
	if err := d.sum(); err != nil || d.once || ctx.Err() != nil {
		return err
	}
	u.line("The review UI stays at ", look, " until Ctrl-C.")
	u.flush()
	<-ctx.Done()
	return nil
}

// wait tells of what arrives during a time, and reports whether the demo goes on.
func (d *demo) wait(ctx context.Context, long time.Duration) bool {
	end := time.After(long)
	tick := time.NewTicker(time.Second / 20)
	defer tick.Stop()
	for {
		d.tellArrivals("at " + time.Now().Format("15:04:05"))
		select {
		case <-ctx.Done():
			return false
		case <-end:
			return true
		case <-tick.C:
		}
	}
}

// act sends what a scene says and tells what came of it.
func (d *demo) act(ctx context.Context, s scene) error {
	u := d.app.ui
	d.tellArrivals("at " + time.Now().Format("15:04:05"))
	u.line()
	u.line(u.paint(bold, s.who+" says: "), s.says)
	req, err := http.NewRequestWithContext(ctx, s.method, s.url, strings.NewReader(s.body))
	if err != nil {
		return err
	}
	if s.contentType != "" {
		req.Header.Set("Content-Type", s.contentType)
	}
	res, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("talking through scrim as %s: %w", s.who, err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if err := d.tellVerdict(ctx, req.URL.Hostname()); err != nil {
		return err
	}
	d.tellArrivals("now")
	return u.flush()
}

// decision waits for what the ledger says of the request just made; nil: it was tunnelled. The ledger may be told a
// moment after the client is.
func (d *demo) decision(ctx context.Context, host string) (*ledger.Entry, error) {
	f := ledger.Filter{Host: []string{host}, Types: []ledger.Type{ledger.Kept, ledger.Sent}, Limit: 20}
	for range 100 {
		if n := d.house.proxy.Counters().Tunnelled; n > d.tunnelled {
			d.tunnelled = n
			return nil, nil
		}
		page, err := d.house.ledger.List(ctx, f)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(page.Entries, func(e ledger.Entry) bool { return e.Part == "" || e.Verdict == "hold" }) // what a release sends has a part
		if at >= 0 && !d.told[page.Entries[at].ID] {
			d.told[page.Entries[at].ID] = true
			return &page.Entries[at], nil
		}
		if !d.wait(ctx, time.Second/20) {
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("the ledger has no entry for %s", host)
}

// tellVerdict tells what came of the request just made.
func (d *demo) tellVerdict(ctx context.Context, host string) error {
	tell := func(s style, words ...string) { d.app.ui.line("  ", d.app.ui.paint(s, "-> "+strings.Join(words, ""))) }
	e, err := d.decision(ctx, host)
	if err != nil {
		return err
	}
	if e == nil {
		tell(yellow, "passes, unread: no rule names ", host)
		return nil
	}
	why := d.why(e.Rule)
	switch e.Verdict {
	case "hold":
		tell(blue, "held: a generalized form leaves with the release at ", d.house.holding.waiting().Next.Format("15:04"), "; until then nothing does (", e.Rule, ")")
	case "drop":
		tell(red, "stays in the house (", cmp.Or(e.Rule, "no rule knows it"), ")")
	case "generalize":
		tell(green, "leaves in a generalized form (", e.Rule, ")")
	default:
		tell(plain, e.Verdict)
	}
	if why != "" {
		d.app.ui.line("     why: ", why)
	}
	if gone := removed(e); e.Verdict != "drop" && gone != "" {
		d.app.ui.line("     taken out: ", gone)
	}
	return nil
}

// why is what the author of a rule says of it.
func (d *demo) why(rule string) string {
	for _, r := range d.house.set.Load().Rules() {
		if r.ID == rule {
			return r.Why
		}
	}
	return ""
}

// removed names the fields that an entry's message lost, each once.
func removed(e *ledger.Entry) string {
	kept := map[string]bool{}
	for _, edit := range e.Edits {
		kept[edit.Selector] = kept[edit.Selector] || !edit.Removed
	}
	var names []string
	for _, edit := range e.Edits {
		if !kept[edit.Selector] && !slices.Contains(names, edit.Selector) && !strings.HasPrefix(edit.Selector, "header:") {
			names = append(names, edit.Selector)
		}
	}
	return strings.Join(names, ", ")
}

// tellArrivals tells what the collector has received, as it came.
func (d *demo) tellArrivals(when string) {
	u := d.app.ui
	for _, a := range d.collector.arrivals() {
		d.left++
		u.line("  ", u.paint(green, "left "+when+": "), a.method, " ", a.url, " ", a.body)
		for _, secret := range demoSecrets() {
			if strings.Contains(a.url+a.body, secret) {
				d.leaked = append(d.leaked, secret)
			}
		}
	}
	u.flush()
}

// sum tells what left and what stayed.
func (d *demo) sum() error {
	u, n := d.app.ui, d.house.proxy.Counters()
	u.line()
	u.line(u.paint(bold, "In all: "), fmt.Sprintf("%d requests; %d left generalized, %d stayed in the house, %d wait, %d passed unread. %d requests arrived at the collector.",
		n.Seen, n.Generalized, n.Dropped, n.Held, n.Tunnelled, d.left))
	if len(d.leaked) == 0 {
		u.line(fmt.Sprintf("Looked for in all that arrived: %d values that tell a person, a device or a title. Found: none.", len(demoSecrets())))
	}
	return u.flush()
}

// openBrowser shows the UI where this machine has a way to do that; where not, the address has been printed.
func openBrowser(address string) {
	opener := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		opener = "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return
	}
	path, err := exec.LookPath(opener)
	if err != nil {
		return
	}
	if c := exec.Command(path, address); c.Start() == nil {
		go c.Wait() // the browser may outlive the demo: it is the owner's
	}
}
