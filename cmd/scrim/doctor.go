package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/ledger"
)

// How a check stands.
const (
	wellState    = "ok"
	warnState    = "warning" // works, and the owner should know
	faultState   = "fault"
	skippedState = "skipped"
)

// finding is one check of doctor.
type finding struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Says  string `json:"says"`
	Fix   string `json:"fix,omitempty"`
}

// examination is all that doctor found.
type examination struct {
	Good     bool      `json:"good"` // no fault
	Checks   []finding `json:"checks"`
	Coverage *coverage `json:"coverage,omitempty"` // nil: scrim does not run
}

// patient is what the checks look at, and what they find.
type patient struct {
	cfg     *config
	book    *rulebook
	running *running // nil: scrim does not run
	vitals  vitals
	found   []finding
}

// vitals is what a running scrim tells doctor alone.
type vitals struct {
	Doors    map[string]string `json:"doors"`
	Warnings []string          `json:"warnings"` // of the doors
	DNS      []resolverState   `json:"dns"`      // dns.upstreams
	Expires  time.Time         `json:"expires"`  // the root
	Sealed   bool              `json:"sealed"`
	Ledger   string            `json:"ledger"` // its fault, ""
	Used     int64             `json:"used"`   // bytes of the ledger, and how many it may take
	Limit    int64             `json:"limit"`
	Coverage coverage          `json:"coverage"`
}

type resolverState struct {
	URL    string `json:"url"`
	Good   bool   `json:"good"`
	Looped bool   `json:"looped"`
	Fault  string `json:"fault,omitempty"`
}

func newDoctorCommand(a *app) *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "check every link from client to origin",
		Long: `doctor checks the configuration, the doors and what they need of the system, the resolvers, the
authority, the ledger and the disk, sends a canary the whole way through each door that this machine
can use (it is answered by scrim and leaves nothing), connects to one vendor's server without sending
a request, and says what each client asked for that came, or went around. Exit code 3: it found faults.`,
		Example: "  scrim doctor\n  scrim doctor --json\n  scrim doctor --canary",
		Args:    exactArgs(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.doctor(c.Context(), offline) },
	}
	c.Flags().BoolVar(&offline, "offline", false, "connect to nobody outside")
	addCanary(a, c)
	addJSON(a, c)
	return c
}

func (a *app) doctor(ctx context.Context, offline bool) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	p := &patient{cfg: cfg}
	p.rules()
	if p.running, err = askRunning(cfg); err == nil {
		defer p.running.Close()
		err = p.running.get(ctx, "GET", "/doctor", nil, &p.vitals)
	}
	if err != nil {
		p.running = nil
		p.fault("scrim", "it does not run: "+cause(err), hintOf(err))
	} else {
		p.ok("scrim", "it runs")
	}
	p.doors()
	p.firewall(ctx)
	p.names(ctx)
	p.authority()
	p.storage(ctx)
	if p.running != nil && p.book != nil {
		p.canaries(ctx)
	}
	if p.book != nil && !offline {
		p.origin(ctx)
	}
	x := examination{Good: true, Checks: p.found}
	if p.running != nil {
		p.covered()
		x.Checks, x.Coverage = p.found, &p.vitals.Coverage
	}
	for _, f := range x.Checks {
		x.Good = x.Good && f.State != faultState
	}
	if err := a.showExamination(&x); err != nil || x.Good {
		return err
	}
	return exitWith(exitFaults)
}

func (a *app) showExamination(x *examination) error {
	if a.json {
		return a.ui.json(x)
	}
	marks := map[string]style{wellState: green, warnState: yellow, faultState: red, skippedState: dim}
	var rows [][]cell
	for _, f := range x.Checks {
		says := f.Says
		if f.Fix != "" && f.State != wellState {
			says += "; " + f.Fix
		}
		rows = append(rows, []cell{{f.State, marks[f.State]}, {f.Name, bold}, {says, plain}})
	}
	a.ui.table([]string{"", "CHECK", "FINDING"}, rows)
	if x.Coverage != nil && len(x.Coverage.Clients) > 0 {
		a.ui.line()
		a.showCoverage(x.Coverage)
	}
	return nil
}

// showCoverage is a line for each product of each client.
func (a *app) showCoverage(c *coverage) {
	number := func(n int64) cell { return cell{fmt.Sprint(n), plain} }
	var rows [][]cell
	for _, client := range c.Clients {
		name := client.Client
		if client.Name != "" {
			name = client.Name
		}
		for _, p := range client.Products {
			mark := plain
			if p.Around > 0 {
				mark = yellow
			}
			var doors []string
			for door := range p.Doors {
				doors = append(doors, door)
			}
			rows = append(rows, []cell{{name, bold}, {p.Product, plain}, number(p.Asked), {strings.Join(doors, " "), plain},
				number(p.Intercepted), number(p.Tunnelled), number(p.Refused), {fmt.Sprint(p.Around), mark}})
		}
		rows = append(rows, []cell{{name, bold}, {"(other)", dim}, {"", plain}, {"", plain}, number(client.Other.Intercepted), number(client.Other.Tunnelled),
			number(client.Other.Refused), {around(&client), plain}})
	}
	a.ui.table([]string{"CLIENT", "PRODUCT", "ASKED", "DOORS", "INTERCEPTED", "TUNNELLED", "REFUSED", "AROUND"}, rows)
}

func around(c *ledger.CoverageClient) string {
	var all []string
	if c.QUIC > 0 {
		all = append(all, fmt.Sprintf("QUIC rejected %d×", c.QUIC))
	}
	if len(c.Bypass) > 0 {
		all = append(all, "own DNS: "+strings.Join(c.Bypass, " "))
	}
	return strings.Join(all, ", ")
}

func (p *patient) note(state, name, says, fix string) {
	p.found = append(p.found, finding{name, state, says, fix})
}
func (p *patient) ok(name, says string)         { p.note(wellState, name, says, "") }
func (p *patient) warn(name, says, fix string)  { p.note(warnState, name, says, fix) }
func (p *patient) fault(name, says, fix string) { p.note(faultState, name, says, fix) }
func (p *patient) skip(name, says string)       { p.note(skippedState, name, says, "") }

// vitals collects what only the running scrim knows.
func (h *house) vitals(ctx context.Context) vitals {
	root := h.authority.Root()
	v := vitals{Doors: map[string]string{}, Warnings: h.doorWarnings(), Expires: root.NotAfter, Sealed: h.authority.Sealed(), Coverage: h.coverage()}
	for word, addr := range h.addrs() {
		v.Doors[word] = addr.String()
	}
	if h.dns.upstreams != nil {
		for _, s := range h.dns.upstreams.Status() {
			v.DNS = append(v.DNS, resolverState{s.URL, s.Healthy, s.Looped, s.Fault})
		}
	}
	if err := h.ledger.Fault(); err != nil {
		v.Ledger = err.Error()
	}
	v.Used, v.Limit, _ = h.ledger.Usage(ctx) // of a store that cannot say, zero
	return v
}
