package dns

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// resolvConf follows the system's resolver file.
type resolvConf struct {
	path string

	mu      sync.Mutex // guards what follows
	looked  time.Time
	changed time.Time
	servers []netip.AddrPort
}

// resolvEvery is how often the file is looked at.
const resolvEvery = 5 * time.Second

// read gives the system's resolvers. A file that cannot be read leaves the old ones.
func (r *resolvConf) read() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.looked) < resolvEvery {
		return r.servers
	}
	r.looked = now
	info, err := os.Stat(r.path)
	if err != nil || info.ModTime().Equal(r.changed) {
		return r.servers
	}
	conf, err := miekg.ClientConfigFromFile(r.path)
	if err != nil {
		return r.servers
	}
	r.changed = info.ModTime()
	r.servers = serversOf(conf)
	return r.servers
}

func serversOf(conf *miekg.ClientConfig) []netip.AddrPort {
	port, err := strconv.ParseUint(conf.Port, 10, 16)
	if err != nil {
		port = 53
	}
	var out []netip.AddrPort
	for _, text := range conf.Servers {
		if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			out = append(out, netip.AddrPortFrom(addr, uint16(port)))
		}
	}
	return out
}
