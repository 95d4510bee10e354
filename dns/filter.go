package dns

import (
	"net/netip"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"
)

// addressed are the types by which a client finds where to connect.
func addressed(rtype uint16) bool {
	switch rtype {
	case miekg.TypeA, miekg.TypeAAAA, miekg.TypeHTTPS, miekg.TypeSVCB:
		return true
	}
	return false
}

// ruled is what filter found: the name that decided, and its real addresses if they
// are in the answer.
type ruled struct {
	name    string
	verdict Verdict
	addrs   []netip.Addr
	ttl     uint32 // smallest of these addresses, in seconds
}

// filter makes the answer that leaves from an upstream's answer that mentions ruled
// names. The first ruled name on the way from the question along CNAME records decides:
// the chain is kept up to it, and what follows is as if the client had asked for it.
// Records that say where other ruled names are go from every section.
func filter(msg *miekg.Msg, decide func(name string) Verdict, f facts) (*miekg.Msg, ruled) {
	out := msg.Copy()
	if len(out.Question) != 1 {
		return out, ruled{}
	}
	verdict := func(name string) Verdict { return decide(ruledName(plain(name))) }
	q := out.Question[0]
	chain := follow(out.Answer, q.Name)
	for i, name := range append([]string{q.Name}, chain.targets...) {
		v := verdict(name)
		if v == None {
			continue
		}
		r := ruled{name: plain(name), verdict: v}
		switch {
		case v == Redirect && !addressed(q.Qtype):
		case v == Redirect && f.mode == Origin && (q.Qtype == miekg.TypeA || q.Qtype == miekg.TypeAAAA):
			r.addrs, r.ttl = addresses(out.Answer)
			out.Ns, out.Extra = nil, onlyOPT(out.Extra)
			return out, r
		default:
			replaceEnd(out, chain.records[:i], name, v, f)
			return out, r
		}
		break
	}
	drop := func(rr miekg.RR) bool {
		if !addressed(rr.Header().Rrtype) {
			return false
		}
		return verdict(rr.Header().Name) != None || verdict(target(rr)) != None
	}
	out.Answer = slices.DeleteFunc(out.Answer, drop)
	out.Ns = slices.DeleteFunc(out.Ns, drop)
	out.Extra = slices.DeleteFunc(out.Extra, drop)
	return out, ruled{}
}

// replaceEnd keeps the records that lead to name, and answers for it ourselves.
func replaceEnd(out *miekg.Msg, lead []miekg.RR, name string, v Verdict, f facts) {
	q := out.Question[0]
	out.Answer, out.Ns, out.Extra = slices.Clone(lead), nil, onlyOPT(out.Extra)
	out.AuthenticatedData = false
	out.Rcode = miekg.RcodeSuccess
	if v == Absent {
		out.Rcode = miekg.RcodeNameError
	}
	for _, rr := range out.Answer {
		rr.Header().Ttl = min(rr.Header().Ttl, ownTTL)
	}
	hdr := miekg.RR_Header{Name: name, Rrtype: q.Qtype, Class: miekg.ClassINET, Ttl: ownTTL}
	switch {
	case v == Redirect && q.Qtype == miekg.TypeA && f.v4.IsValid():
		out.Answer = append(out.Answer, &miekg.A{Hdr: hdr, A: f.v4.Unmap().AsSlice()})
		return
	case v == Redirect && q.Qtype == miekg.TypeAAAA && f.v6.IsValid():
		out.Answer = append(out.Answer, &miekg.AAAA{Hdr: hdr, AAAA: f.v6.AsSlice()})
		return
	}
	hdr.Rrtype = miekg.TypeSOA
	out.Ns = []miekg.RR{&miekg.SOA{Hdr: hdr, Ns: "scrim.invalid.", Mbox: ".", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: ownTTL}}
}

// steps is the way along CNAME records: records[i] leads to targets[i].
type steps struct {
	records []miekg.RR
	targets []string
}

// maxChain bounds how many CNAME records are followed.
const maxChain = 32

// follow walks the CNAME records of an answer from name.
func follow(answer []miekg.RR, name string) steps {
	var s steps
	for range maxChain {
		i := slices.IndexFunc(answer, func(rr miekg.RR) bool {
			_, ok := rr.(*miekg.CNAME)
			return ok && strings.EqualFold(rr.Header().Name, name)
		})
		if i < 0 {
			break
		}
		name = answer[i].(*miekg.CNAME).Target
		s.records = append(s.records, answer[i])
		s.targets = append(s.targets, name)
	}
	return s
}

// target is the name that an HTTPS or SVCB record points to, or its owner's.
func target(rr miekg.RR) string {
	switch rr := rr.(type) {
	case *miekg.HTTPS:
		return rr.Target
	case *miekg.SVCB:
		return rr.Target
	}
	return rr.Header().Name
}

func addresses(answer []miekg.RR) (addrs []netip.Addr, ttl uint32) {
	ttl = maxTTL
	for _, rr := range answer {
		var addr netip.Addr
		switch rr := rr.(type) {
		case *miekg.A:
			addr, _ = netip.AddrFromSlice(rr.A.To4())
		case *miekg.AAAA:
			addr, _ = netip.AddrFromSlice(rr.AAAA)
		}
		if addr.IsValid() {
			addrs, ttl = append(addrs, addr), min(ttl, rr.Header().Ttl)
		}
	}
	return addrs, ttl
}

func onlyOPT(extra []miekg.RR) []miekg.RR {
	return slices.DeleteFunc(extra, func(rr miekg.RR) bool { return rr.Header().Rrtype != miekg.TypeOPT })
}

// plain is a name as policy knows it: lower case, no final dot.
func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
