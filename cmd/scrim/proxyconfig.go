package main

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules/body"
)

// proxyConfig is the proxy room's part of the settings.
func (c *config) proxyConfig() (proxy.Config, error) {
	settings := proxy.Config{
		Listen: proxy.Listen{
			Proxy: string(c.Listen.Proxy), SOCKS: string(c.Listen.Socks), Collector: string(c.Listen.Collector),
			Transparent: string(c.Listen.Transparent), TProxy: c.Firewall.Mode == "tproxy",
			TLS: string(c.Listen.TLS), HTTP: string(c.Listen.HTTP),
		},
		Clients:  proxy.Clients{Allow: c.Clients.Allow, Names: c.clientNames()},
		OnPinned: proxy.OnPinned{Telemetry: c.OnPinned.Telemetry, Mixed: c.OnPinned.Mixed},
		Limits: proxy.Limits{
			Connections: c.Limits.Connections, PerClient: c.Limits.PerClient, Header: int(c.Limits.Header), Body: int64(c.Limits.MaxBody),
			HeaderTimeout: c.Limits.HeaderTimeout, PeekTimeout: c.Limits.HeaderTimeout, IdleTimeout: c.Limits.IdleTimeout,
		},
		Upstream: proxy.Upstream{Resolvers: c.Upstream.Resolvers, Proxy: c.Upstream.Proxy, Hosts: c.Upstream.Hosts},
	}
	for _, text := range c.Upstream.AllowPrivate {
		settings.Upstream.AllowPrivate = append(settings.Upstream.AllowPrivate, prefixOf(text))
	}
	if c.Upstream.Roots != "system" {
		pem, err := os.ReadFile(c.resolve(c.Upstream.Roots))
		if err != nil {
			return settings, hinted(fmt.Errorf("reading upstream.roots: %w", err), "name a PEM file, or write system")
		}
		settings.Upstream.Roots = pem
	}
	return settings, nil
}

// plain undoes the content codings of a body for the ledger.
func (c *config) plain(declared string, coded []byte) (plain []byte, coding string, err error) {
	plain, how, err := body.Plain(declared, coded, body.Limits{MaxBytes: int64(c.Limits.MaxBody), MaxRatio: c.Limits.Ratio})
	if err != nil {
		return nil, "", err
	}
	return plain, how.String(), nil
}

// clientNames are the owner's names by address. The addresses were checked when the file was read.
func (c *config) clientNames() map[netip.Addr]string {
	names := make(map[netip.Addr]string, len(c.Clients.Names))
	for text, name := range c.Clients.Names {
		if addr, err := netip.ParseAddr(text); err == nil {
			names[addr.Unmap()] = name
		}
	}
	return names
}

// prefixOf is a checked network; an address is one of full length.
func prefixOf(text string) netip.Prefix {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(addr, addr.BitLen())
}
