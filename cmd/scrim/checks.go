package main

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The checks of single values: what is wrong and what to do, or two empty strings.

func notEmpty(text string) (what, fix string) {
	if text == "" {
		return "an empty value", "write one, or leave the key out"
	}
	return "", ""
}

// listenAddress wants host:port or :port with a literal address, or a word for "off".
func listenAddress(text string) (what, fix string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		if _, numErr := strconv.ParseUint(text, 10, 16); numErr == nil {
			return strconv.Quote(text) + " is not an address", "write \":" + text + "\" or \"192.0.2.1:" + text + "\""
		}
		return strconv.Quote(text) + " is not an address", "write \":3128\" or \"192.0.2.1:3128\", or \"\" for off"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return strconv.Quote(port) + " is not a port", "write a number up to 65535"
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return strconv.Quote(host) + " is not an IP address", "write an address of this machine, or none for all of them"
	}
	return "", ""
}

func ipAddress(text string) (what, fix string) {
	if _, err := netip.ParseAddr(text); err != nil {
		return strconv.Quote(text) + " is not an IP address", "write it as in 192.168.1.20"
	}
	return "", ""
}

// network wants an address or a prefix.
func network(text string) (what, fix string) {
	if _, err := netip.ParseAddr(text); err == nil {
		return "", ""
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return strconv.Quote(text) + " is neither an address nor a network", "write it as in 192.168.1.20 or 192.168.1.0/24"
	}
	if prefix != prefix.Masked() {
		return strconv.Quote(text) + " has bits set beyond its length", "write \"" + prefix.Masked().String() + "\", or the address alone"
	}
	return "", ""
}

func clientWord(text string) (what, fix string) {
	if slices.Contains([]string{"loopback", "private", "lan"}, text) {
		return "", ""
	}
	if what, _ := network(text); what == "" {
		return "", ""
	} else if strings.ContainsAny(text, "0123456789:/") {
		return network(text)
	}
	return strconv.Quote(text) + " is not known here", "write loopback, private, lan, an address or a network"
}

func resolver(text string) (what, fix string) {
	const way = "write system, or udp://, tcp://, tls:// or https:// and an address"
	if text == "system" {
		return "", ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"udp", "tcp", "tls", "https"}, u.Scheme) {
		return strconv.Quote(text) + " is not a resolver", way
	}
	return "", ""
}

func proxyURL(text string) (what, fix string) {
	if text == "" {
		return "", ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return "not a proxy URL", "write it as in http://192.0.2.1:8080 or socks5://192.0.2.1:1080"
	}
	return "", ""
}

// hostName wants a name as it stands in a URL: lower case, no port.
func hostName(text string) (what, fix string) {
	if text == "" || strings.ContainsAny(text, " /:*@") || text != strings.ToLower(text) || strings.HasSuffix(text, ".") {
		return strconv.Quote(text) + " is not a host name", "write it in lower case, without a port"
	}
	return "", ""
}

// fixedAddress wants an address with or without a port.
func fixedAddress(text string) (what, fix string) {
	if _, err := netip.ParseAddr(text); err == nil {
		return "", ""
	}
	if _, err := netip.ParseAddrPort(text); err != nil {
		return strconv.Quote(text) + " is not an address", "write it as in \"127.0.0.1:9443\" or \"192.0.2.1\""
	}
	return "", ""
}

func store(text string) (what, fix string) {
	if text == "sqlite" || text == "memory" || strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return "", ""
	}
	// The value is not repeated: a mistyped URL may hold a password.
	return "not a store", "write sqlite, memory or postgres://…"
}
