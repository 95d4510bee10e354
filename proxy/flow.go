package proxy

import (
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// The names of the doors, as the ledger writes them.
const (
	DoorProxy       = "proxy"
	DoorSOCKS       = "socks"
	DoorCollector   = "collector"
	DoorTransparent = "transparent"
	DoorRedirected  = "redirected"
)

// Flow is one connection, or one exchange on it, and what we know of it. A door makes it; it is only read after that,
// except that admit, which owns it then, sets To and Gate.
type Flow struct {
	ID         string
	Door       string
	Client     netip.Addr // without zone, IPv4 as IPv4
	ClientName string     // the owner's name for it, or ""
	Start      time.Time
	To         rules.Destination // Host is "" until it is known
	Gate       rules.Gate

	admitted bool // past the gate: the requests of this connection are for To
}

// ids numbers the flows of one run of the process; the prefix keeps runs apart.
type ids struct {
	prefix string
	next   atomic.Uint64
}

func newIDs(now time.Time) *ids {
	return &ids{prefix: strconv.FormatInt(now.UnixMicro(), 36) + "-"}
}

func (i *ids) make() string {
	var buf [40]byte
	b := append(buf[:0], i.prefix...)
	return string(strconv.AppendUint(b, i.next.Add(1), 36))
}
