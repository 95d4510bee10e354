package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/dns"
	"github.com/scrimproxy/scrim/ledger"
)

// canaries sends one through each door that this machine can use by itself. It is a CORS preflight to a telemetry
// host, which scrim answers whatever the switches say: nothing leaves.
func (p *patient) canaries(ctx context.Context) {
	host := p.telemetryHost()
	if host == "" {
		p.skip("canary", "no rule names a telemetry host")
		return
	}
	roots, err := p.ownRoot()
	if err != nil {
		p.fault("canary", cause(err), "")
		return
	}
	began := time.Now()
	sent := 0
	for _, door := range []string{"proxy", "collector", "tls"} {
		addr, open := p.vitals.Doors[door]
		if !open {
			continue
		}
		sent++
		if err := preflight(ctx, door, local(addr), host, roots); err != nil {
			p.fault("canary "+door, "it did not come through: "+oneLine(err).Error(), "")
			continue
		}
		p.ok("canary "+door, "to "+host+": decrypted, decided, answered, nothing sent")
	}
	if sent == 0 {
		p.skip("canary", "no door is open that this machine can use by itself; try from a client: curl https://"+host+"/")
		return
	}
	page, err := p.running.List(ctx, ledger.Filter{Types: []ledger.Type{ledger.Kept}, Host: []string{host}, Since: began.Add(-time.Second), Limit: 10})
	if err != nil || len(page.Entries) == 0 {
		p.fault("canary", "the ledger has no entry of it", "see \"scrim log\"")
	}
}

// ownRoot is scrim's root alone: a canary that another authority answered for has not come to scrim.
func (p *patient) ownRoot() (*x509.CertPool, error) {
	pem, err := os.ReadFile(p.cfg.statePath("ca/root.pem"))
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool, nil
}

// preflight sends one canary. Its status must be the one by which scrim answers it.
func preflight(ctx context.Context, door, addr, host string, roots *x509.CertPool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	target := "https://" + host + "/"
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	switch door {
	case "proxy":
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: addr})
	case "collector":
		target = "http://" + addr + "/" + host + "/"
	default:
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, target, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Origin", "https://scrim.invalid")
	req.Header.Set("Access-Control-Request-Method", "POST")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 4096))
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it was answered with status %d", res.StatusCode)
	}
	return nil
}

// origin connects to a vendor's server as scrim would, verifies its certificate, and sends no request.
func (p *patient) origin(ctx context.Context) {
	host := p.telemetryHost()
	switch {
	case host == "":
		return
	case p.cfg.Upstream.Proxy != "":
		p.skip("origin", "it is reached through upstream.proxy")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	addr, err := p.locate(ctx, host)
	if err != nil {
		p.warn("origin", strings.ReplaceAll(cause(err), "\n", "; "), "nothing can leave while it cannot be found; see upstream.resolvers")
		return
	}
	settings, err := p.cfg.proxyConfig()
	if err == nil {
		var roots *x509.CertPool
		if roots, err = trusted(settings.Upstream.Roots); err == nil {
			err = shake(ctx, addr, host, roots)
		}
	}
	if err != nil {
		p.warn("origin", host+" at "+addr+": "+oneLine(err).Error(), "nothing leaves to it while that is so")
		return
	}
	p.ok("origin", host+" is reachable at "+addr+", and its certificate verifies")
}

// locate finds where host is, past every rule.
func (p *patient) locate(ctx context.Context, host string) (string, error) {
	if fixed, ok := p.cfg.Upstream.Hosts[host]; ok {
		if _, err := netip.ParseAddrPort(fixed); err == nil {
			return fixed, nil
		}
		return net.JoinHostPort(fixed, "443"), nil
	}
	resolvers := p.cfg.Upstream.Resolvers
	if p.cfg.Listen.DNS != "" && len(resolvers) == 1 && resolvers[0] == "system" {
		resolvers = p.cfg.DNS.Upstreams // as the proxy does
	}
	upstreams, err := dns.NewUpstreams(dns.UpstreamConfig{Resolvers: resolvers})
	if err != nil {
		return "", err
	}
	defer upstreams.Close()
	addrs, _, err := upstreams.Lookup(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("looking up %q: it has no address", host)
	}
	if err != nil {
		return "", err
	}
	for _, addr := range addrs {
		if addr.Is4() {
			return netip.AddrPortFrom(addr, 443).String(), nil
		}
	}
	return netip.AddrPortFrom(addrs[0], 443).String(), nil
}

func shake(ctx context.Context, addr, host string, roots *x509.CertPool) error {
	d := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
