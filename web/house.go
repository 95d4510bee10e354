package web

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// Book is the ledger as this room reads it; *ledger.Ledger is one.
type Book interface {
	List(ctx context.Context, f ledger.Filter) (ledger.Page, error)
	Get(ctx context.Context, id string) (*ledger.Entry, error)
	Follow(ctx context.Context, f ledger.Filter, fn func(ledger.Entry) error) error
	Export(ctx context.Context, w io.Writer, format string, f ledger.Filter) error
	Verify(ctx context.Context) (ledger.Report, error)
	Tunnels(ctx context.Context, since, until time.Time) ([]ledger.TunnelTotal, error)
	Counters(ctx context.Context) (ledger.Counters, error)
	Usage(ctx context.Context) (used, limit int64, err error)
	Fault() error
	Notes() []string
	Node() string
}

// Rulebook is the rules in force.
type Rulebook interface {
	Products() Products // Events, Last and Seen are filled in here
	Hosts() []RuledHost
	Rules() (rules []Rule, warnings []string) // Hits and LastHit are filled in here
	// Explain says what becomes of a request. An error that matches ErrQuestion is the asker's.
	Explain(q Question) (*Explanation, error)
}

// Switchboard changes traffic. A change acts before the method returns, is kept, and is entered into the ledger
// under the name of who. Its errors match ErrUnknown where there is no such product or kind.
type Switchboard interface {
	Choose(who string, c Choice) error
	Reload(who string) Reload
}

// Choice is one change of the owner's: exactly one of its kinds. Product "" is all products, of Profile alone.
type Choice struct {
	Product string
	Kind    string    // with Switch
	Switch  string    // pass, generalize, drop; Default takes the choice back
	Profile string    // generalized, strict; Default likewise
	Pause   time.Time // with Product: passes unchanged until then
	Resume  bool      // with Product: ends a pause
}

// Default in a Choice is what the configuration says.
const Default = "default"

// Errors of a house.
var (
	ErrUnknown  = errors.New("unknown")
	ErrQuestion = errors.New("this request cannot be asked about")
)

// State is what runs, as cmd knows it.
type State struct {
	Doors     []Door
	Authority Authority
	Proxy     ProxyCounters // Complete is filled in here
	Pinned    []Pinned
	Waiting   []Waiting
	Reload    *Reload // nil: there was none
	Ready     bool    // doors are open
	Originals bool    // originals are kept in memory
}

// House is everything of the running program that this room shows or changes.
type House interface {
	Rulebook
	Switchboard
	State() State
	Settings() Settings
	ClientName(addr string) string
	Coverage() Coverage
	Original(flow string) *Original                 // nil: not in memory
	Vendor(product, selector string) (listed *bool) // whether the vendor lists a field; nil: it publishes no list
}
