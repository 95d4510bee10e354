package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Numbers of queries in one round.
const (
	overrideQueries = 60000
	forwardQueries  = 20000
	dnsWindow       = 32 // queries under way
)

// resolving measures the processor time of a query beside dnsmasq: one that a rule answers, and one that is forwarded.
func resolving(s *stage) ([]row, error) {
	if _, err := exec.LookPath("dnsmasq"); err != nil {
		return []row{{What: "DNS: dnsmasq is not installed", Name: "dnsmasq"}}, nil
	}
	origin, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer origin.Close()
	go answerAll(origin)
	ours, err := s.dnsDoor(origin.LocalAddr().String())
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	theirs, err := s.dnsmasq(origin.LocalAddr().(*net.UDPAddr).Port)
	if err != nil {
		return nil, err
	}
	defer theirs.stop()
	var rows []row
	for _, m := range []struct {
		what, name string
		fresh      bool // each name new, so that nothing comes from a cache
		n          int
		target     float64
	}{
		{"DNS, a ruled name, CPU a query", "bench.example", false, overrideQueries, 1.5},
		{"DNS, forwarded, CPU a query", "forward.test", true, forwardQueries, 1},
	} {
		cost := map[*process][]float64{}
		serial := uint32(1)
		for i := range s.rounds + 1 {
			for _, p := range []*process{ours, theirs} {
				before := p.cpu()
				if err := queries(p.addr, m.name, m.fresh, serial, m.n); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", p.name, m.what, err)
				}
				serial += uint32(m.n)
				if i > 0 { // the first warms up
					cost[p] = append(cost[p], micros(p.cpu()-before, m.n))
				}
			}
		}
		a, b := spreadOf(cost[ours]), spreadOf(cost[theirs])
		rows = append(rows, row{What: m.what, Unit: "µs", Scrim: a, Peer: b, Name: "dnsmasq", Ratio: a.Median / b.Median, Target: m.target})
	}
	return rows, nil
}

// dnsDoor starts scrim with its DNS door.
func (s *stage) dnsDoor(upstream string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir, "dns")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "scrim.yaml")
	text := fmt.Sprintf("version: 1\nstate_dir: %s\nlisten: {proxy: \"\", web: \"\", dns: %q}\ndns: {upstreams: [\"udp://%s\"]}\nrule_files: [rules.yaml]\nledger: {store: memory}\n",
		filepath.Join(dir, "state"), addr, upstream)
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(rules), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return begin("scrim", addr, s.binary, "serve", "--config", config)
}

// dnsmasq starts the peer: as Debian builds it, without its system service.
func (s *stage) dnsmasq(upstream int) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	return begin("dnsmasq", addr, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port="+port, "--listen-address=127.0.0.1", "--bind-interfaces",
		"--no-resolv", "--no-hosts", "--pid-file=", "--user=", "--group=", fmt.Sprintf("--server=127.0.0.1#%d", upstream), "--dns-forward-max=1000",
		"--address=/bench.example/127.0.0.9")
}

// queries sends n questions, some under way at a time, and waits for every answer. A lost one is asked again.
func queries(addr, name string, fresh bool, serial uint32, n int) error {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	msg := question(name, fresh)
	window := make(chan struct{}, dnsWindow)
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 2048)
		for range n {
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			k, err := c.Read(buf)
			if err != nil || k < 12 || buf[3]&0xF != 0 || binary.BigEndian.Uint16(buf[6:]) == 0 {
				done <- fmt.Errorf("an answer is missing or empty: %d bytes, %v", k, err)
				return
			}
			<-window
		}
		done <- nil
	}()
	for i := range n {
		select {
		case window <- struct{}{}:
		case err := <-done:
			return err
		}
		binary.BigEndian.PutUint16(msg, uint16(i))
		if fresh {
			copy(msg[13:], fmt.Sprintf("%08x", serial+uint32(i)))
		}
		if _, err := c.Write(msg); err != nil {
			return err
		}
	}
	return <-done
}

// question is a query for the A records of name, with a label of eight letters before it where each is to be new.
func question(name string, fresh bool) []byte {
	msg := []byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	if fresh {
		name = "00000000." + name
	}
	start := len(msg)
	msg = append(msg, 0)
	for i := range len(name) {
		if name[i] == '.' {
			start = len(msg)
			msg = append(msg, 0)
			continue
		}
		msg = append(msg, name[i])
		msg[start]++
	}
	return append(msg, 0, 0, 1, 0, 1)
}

// answerAll is the origin of names: one address for every question.
func answerAll(c *net.UDPConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if n < 17 {
			continue
		}
		end := 12
		for end < n && buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		if end += 5; end > n {
			continue
		}
		buf[2], buf[3] = buf[2]|0x80, 0x80
		binary.BigEndian.PutUint16(buf[6:], 1)
		buf[8], buf[9], buf[10], buf[11] = 0, 0, 0, 0
		out := append(buf[:end:end], 0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 10)
		c.WriteToUDPAddrPort(out, from)
	}
}
