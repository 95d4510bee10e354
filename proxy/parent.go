package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	socks "golang.org/x/net/proxy"
)

// parentProxy reads upstream.proxy.
func parentProxy(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" { // err is not shown: the address may hold a password
		return nil, errors.New("upstream.proxy: not an address; write http://, https:// or socks5:// with host and port")
	}
	switch u.Scheme {
	case "http", "https", "socks5":
		return u, nil
	}
	return nil, fmt.Errorf("upstream.proxy: unknown scheme %q; use http, https or socks5", u.Scheme)
}

// parentAddr is host and port of the parent proxy.
func (u *upstream) parentAddr() string {
	port := u.parent.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.parent.Scheme]
	}
	return net.JoinHostPort(u.parent.Hostname(), port)
}

// dialThroughParent asks the parent proxy for a connection to host:port.
func (u *upstream) dialThroughParent(ctx context.Context, client netip.Addr, host string, port uint16) (net.Conn, error) {
	if err := u.checkName(client, host, port); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	target := net.JoinHostPort(host, strconv.Itoa(int(port)))
	if u.parent.Scheme == "socks5" {
		return u.dialSOCKS(ctx, target)
	}
	conn, err := u.dialAddr(ctx, netip.Prefix{}, u.parentAddr())
	if err != nil {
		return nil, fmt.Errorf("connecting to upstream.proxy: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if u.parent.Scheme == "https" {
		config := u.tls.Clone()
		config.ServerName = u.parent.Hostname()
		conn = tls.Client(conn, config)
	}
	if err := connect(conn, u.parent, target); err != nil {
		conn.Close()
		return nil, fmt.Errorf("asking upstream.proxy for %s: %w", target, err)
	}
	conn.SetDeadline(time.Time{})
	return conn, nil
}

// connect sends CONNECT (RFC 9110, section 9.3.6) and reads the answer, not a byte more.
func connect(conn net.Conn, parent *url.URL, target string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{"User-Agent": nil}}
	if user := parent.User; user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(oneByte{conn}, 16), req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered status %d", resp.StatusCode)
	}
	return nil
}

// oneByte reads byte by byte, so that nothing of the tunnel is taken with the answer.
type oneByte struct{ net.Conn }

func (c oneByte) Read(b []byte) (int, error) {
	if len(b) > 1 {
		b = b[:1]
	}
	return c.Conn.Read(b)
}

func (u *upstream) dialSOCKS(ctx context.Context, target string) (net.Conn, error) {
	var auth *socks.Auth
	if user := u.parent.User; user != nil {
		password, _ := user.Password()
		auth = &socks.Auth{User: user.Username(), Password: password}
	}
	d, err := socks.SOCKS5("tcp", u.parentAddr(), auth, parentDialer{u})
	if err != nil {
		return nil, fmt.Errorf("preparing upstream.proxy: %w", err)
	}
	return d.(socks.ContextDialer).DialContext(ctx, "tcp", target)
}

// parentDialer connects to the parent proxy itself.
type parentDialer struct{ u *upstream }

func (d parentDialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

func (d parentDialer) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	return d.u.dialAddr(ctx, netip.Prefix{}, addr)
}
