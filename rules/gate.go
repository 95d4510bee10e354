package rules

// Gate says what becomes of a connection of client to host (lower case, no final dot): the first rule that speaks of
// both decides, since nothing else is known yet. A host whose rules are all for other clients is tunnelled, but a
// telemetry host is not: what no rule matches there must not leave. Where a name of the request and one of TLS differ,
// ask for both. It does not allocate.
func (s *Set) Gate(client Client, host string) Gate {
	var room [8]int32
	found := s.index.find(room[:0], host)
	limited := false
	for _, no := range found {
		r := s.rules[no]
		if len(r.match.clients) > 0 && !clientHolds(r.match.clients, client) {
			limited = true
			continue
		}
		if r.refuses {
			return s.refusal(r, client)
		}
		return s.interception(host)
	}
	gate := s.interception(host)
	if limited && gate.Class != Telemetry {
		return Gate{Answer: Tunnel}
	}
	return gate
}

// refusal is the answer of a refuse rule, which a switch or a pause turns into a tunnel.
func (s *Set) refusal(r *rule, client Client) Gate {
	if v, _ := s.verdict(r, client.Now); v == Pass {
		return Gate{Answer: Tunnel, Product: r.info.Product, Rule: &r.info}
	}
	return Gate{Answer: Block, Product: r.info.Product, Rule: &r.info}
}

// interception is the answer for a host that rules or a list of hosts name.
func (s *Set) interception(host string) Gate {
	if info, named := s.class(host); named {
		return Gate{Answer: Intercept, Class: info.Class, Product: info.Product}
	}
	return Gate{Answer: Tunnel}
}
