package proxy

import (
	"net/http"
	"strings"

	"github.com/scrimproxy/scrim/rules"
)

// takeCollector serves door 4: products whose telemetry address can be set to a base URL of ours. The first path
// segment names the host; no certificate is needed and nothing is intercepted.
func (p *Proxy) takeCollector(c *clientConn) {
	c.flow.Door = DoorCollector
	p.queue.push(c)
}

// serveCollector takes the host out of the path. Only hosts that a rule names are served: this is no open relay.
func (p *Proxy) serveCollector(w http.ResponseWriter, r *http.Request, conn *Flow) {
	const usage = "this door is a base URL: http://this-host/HOST/path goes to https://HOST/path, for hosts that a rule names"
	segment, rest, ok := collectorTarget(r)
	if !ok {
		p.count(conn, endFailed)
		fail(w, http.StatusBadRequest, usage)
		return
	}
	host, port, err := splitAuthority(segment, 443)
	if err != nil {
		p.count(conn, endFailed)
		fail(w, http.StatusBadRequest, usage)
		return
	}
	to := rules.Destination{Scheme: "https", Host: host, Port: port, Evidence: rules.FromPath}
	gate := p.cfg.Rules().Gate(p.client(conn), host)
	if gate.Answer != rules.Intercept {
		f := p.exchangeFlow(conn)
		f.To, f.Gate = to, gate
		why := "no rule names " + host
		if gate.Answer == rules.Block {
			why = "a rule refuses " + host
		}
		p.count(f, endRefused)
		p.recordRefusal(f, why)
		fail(w, http.StatusForbidden, why)
		return
	}
	inner := r.WithContext(r.Context())
	inner.RequestURI, inner.Host = rest, to.Authority()
	p.exchange(w, inner, conn, to, gate)
}

// collectorTarget splits "/HOST/path?query" into host and the target behind it.
func collectorTarget(r *http.Request) (host, target string, ok bool) {
	after, ok := strings.CutPrefix(r.RequestURI, "/")
	if !ok || r.Method == http.MethodConnect {
		return "", "", false
	}
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		return after, "/", after != ""
	}
	host, target = after[:end], after[end:]
	if target[0] == '?' {
		target = "/" + target
	}
	return host, target, host != ""
}
