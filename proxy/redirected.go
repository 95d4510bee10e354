package proxy

import "github.com/scrimproxy/scrim/rules"

// takeRedirected serves door 3: connections that come because DNS named us. The address is ours and tells nothing; the
// client has to say the name. port is that of the origins.
func (p *Proxy) takeRedirected(port uint16) func(*clientConn) {
	return func(c *clientConn) {
		c.flow.Door = DoorRedirected
		c.flow.To = rules.Destination{Scheme: schemeOf(port), Port: port}
		p.spawn(func() { p.admit(c, c.flow, nil) })
	}
}
