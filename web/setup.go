package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	qr "github.com/piglig/go-qr"
)

// Setup is what a set-up needs to be told.
type Setup struct {
	Authority struct {
		Fingerprint string    `json:"fingerprint"`
		Subject     string    `json:"subject"`
		NotAfter    time.Time `json:"not_after"`
		PEM         string    `json:"pem"`
		DER         string    `json:"der"`
	} `json:"ca"`
	Addresses  []string       `json:"addresses"`
	Doors      []Door         `json:"doors"`
	Proxy      string         `json:"proxy"`
	Collector  string         `json:"collector"`
	PAC        string         `json:"pac"`
	Web        string         `json:"web"`
	QR         string         `json:"qr"`
	Products   []SetupProduct `json:"products"`
	FirstEvent *time.Time     `json:"first_event"`
}

// SetupProduct is a product to choose.
type SetupProduct struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

func (s *Server) setup(http.ResponseWriter, *http.Request) (any, error) {
	state := s.cfg.House.State()
	var out Setup
	out.Authority.Fingerprint, out.Authority.Subject, out.Authority.NotAfter = state.Authority.Fingerprint, state.Authority.Subject, state.Authority.NotAfter
	out.Authority.PEM, out.Authority.DER = "/ca.pem", "/ca.der"
	out.Addresses, out.Doors, out.Products = ownAddresses(), orEmpty(state.Doors), []SetupProduct{}
	for _, d := range state.Doors {
		switch d.Name {
		case "proxy":
			out.Proxy = d.Use
		case "collector":
			out.Collector = d.Use
		}
	}
	if out.Web = s.reachable(); out.Web != "" {
		out.PAC, out.QR = out.Web+"/proxy.pac", "/api/v1/setup/qr.svg"
	} else {
		out.PAC = "http://" + s.Addr().String() + "/proxy.pac"
	}
	for _, p := range s.cfg.House.Products().Products {
		if p.Name != "" {
			out.Products = append(out.Products, SetupProduct{p.Name, p.Title})
		}
	}
	out.FirstEvent = s.firstEvent()
	return out, nil
}

// reachable is this UI as another machine of the house would open it; "" where only this machine can.
func (s *Server) reachable() string {
	if s.Local() {
		return ""
	}
	ap, err := netip.ParseAddrPort(s.Addr().String())
	if err != nil {
		return ""
	}
	if ap.Addr().IsUnspecified() {
		own := ownAddresses()
		if len(own) == 0 {
			return ""
		}
		addr, err := netip.ParseAddr(own[0])
		if err != nil {
			return ""
		}
		ap = netip.AddrPortFrom(addr, ap.Port())
	}
	return "http://" + ap.String()
}

// ownAddresses are those of this machine that others of the house can reach: IPv4 before IPv6, no link-local ones.
func ownAddresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return []string{}
	}
	v4, v6 := []string{}, []string{}
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		switch {
		case err != nil, prefix.Addr().IsLoopback(), prefix.Addr().IsLinkLocalUnicast():
		case prefix.Addr().Is4():
			v4 = append(v4, prefix.Addr().String())
		default:
			v6 = append(v6, prefix.Addr().String())
		}
	}
	return append(v4, v6...)
}

// qr draws the address of the CA download, for a phone to take.
func (s *Server) qr(w http.ResponseWriter, _ *http.Request) {
	address := s.reachable()
	if address == "" {
		refuse(w, notFound("only this machine reaches this page").hint("set listen.web to an address of the house"))
		return
	}
	code, err := qr.EncodeText(address+"/ca.der", qr.Medium)
	if err != nil {
		refuse(w, fmt.Errorf("drawing the code: %w", err))
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-store")
	w.Write([]byte(drawn(code))) // a client that has gone is no error of ours
}

// quiet is the margin that a code needs, in modules (ISO/IEC 18004).
const quiet = 4

// drawn is a code as an SVG of one path: black on white whatever the page's colours are, so that cameras read it.
func drawn(code *qr.QrCode) string {
	size := code.Size() + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges" role="img"><title>address of the certificate</title>`, size, size)
	fmt.Fprintf(&b, `<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="`, size, size)
	for y := range code.Size() {
		for x := range code.Size() {
			if code.Module(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}

func (s *Server) caPEM(w http.ResponseWriter, _ *http.Request) {
	s.certificate(w, "application/x-pem-file", "scrim-ca.pem", s.cfg.House.State().Authority.PEM)
}

func (s *Server) caDER(w http.ResponseWriter, _ *http.Request) {
	s.certificate(w, "application/x-x509-ca-cert", "scrim-ca.der", s.cfg.House.State().Authority.DER)
}

// certificate hands out the root certificate, which is public: devices that are being set up know no password.
func (s *Server) certificate(w http.ResponseWriter, kind, name string, data []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Cache-Control", "no-store")
	w.Write(data) // a client that has gone is no error of ours
}

// pac is a proxy auto-configuration: only hosts that rules name go through scrim.
func (s *Server) pac(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	b.WriteString("// Only what scrim's rules name goes through scrim; everything else goes its own way.\n")
	b.WriteString("function FindProxyForURL(url, host) {\n  host = host.toLowerCase();\n")
	for _, d := range s.cfg.House.State().Doors {
		if d.Name == "proxy" && d.Use != "" {
			for _, h := range s.cfg.House.Hosts() {
				b.WriteString(pacLine(h.Name, strings.TrimPrefix(d.Use, "http://")))
			}
		}
	}
	b.WriteString("  return \"DIRECT\";\n}\n")
	w.Header().Set("Content-Type", "application/x-ns-proxy-autoconfig")
	w.Header().Set("Cache-Control", "max-age=300")
	w.Write([]byte(b.String())) // a client that has gone is no error of ours
}

// pacLine sends one name, or all names below one, to the proxy. A name that is not one is left out: this is code.
func pacLine(name, proxy string) string {
	test := "host === %q"
	if suffix, wild := strings.CutPrefix(name, "*"); wild {
		name, test = suffix, "host.endsWith(%q)"
	}
	if strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == ':')
	}) {
		return ""
	}
	return fmt.Sprintf("  if ("+test+") return \"PROXY %s\";\n", name, proxy)
}
