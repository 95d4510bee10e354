package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is what /proc/PID/stat counts in: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// process is a proxy under measurement.
type process struct {
	name string
	addr string // of its proxy door
	ca   string // PEM file of the root that it signs with; "" for a tunnel
	cmd  *exec.Cmd
	said *bytes.Buffer
}

// cpu is user and system time of the whole process so far.
func (p *process) cpu() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// memory is the resident memory in bytes: now, and the highest so far.
func (p *process) memory() (now, peak int64) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kb << 10
		case "VmHWM":
			peak = kb << 10
		}
	}
	return now, peak
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-done
	}
}

// begin starts a program and waits until addr answers.
func begin(name, addr, program string, args ...string) (*process, error) {
	p := &process{name: name, addr: addr, cmd: exec.Command(program, args...), said: &bytes.Buffer{}}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
			return p, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	return nil, fmt.Errorf("%s did not open %s:\n%s", name, addr, p.said)
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// scrim starts the built binary with a configuration of its own in dir.
func scrim(binary, dir, store string, w *world, rules string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	web, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "scrim.yaml")
	ruleFile := filepath.Join(dir, "rules.yaml")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(ruleFile, []byte(rules), 0o600); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`version: 1
state_dir: %s
listen: {proxy: %q, web: %q}
upstream:
  roots: %s
  hosts: {bench.example: %q, tunnel.example: %q}
rule_files: [%s]
ledger: {store: %s}
`, filepath.Join(dir, "state"), addr, web, w.caFile, w.origin, w.origin, ruleFile, store)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := begin("scrim, "+store, addr, binary, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	p.ca = filepath.Join(dir, "ca.pem")
	out, err := exec.Command(binary, "ca", "export", "--config", config).Output()
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("ca export: %w", err)
	}
	return p, os.WriteFile(p.ca, out, 0o600)
}

// drain reads a body to its end.
func drain(r io.ReadCloser) {
	io.Copy(io.Discard, r)
	r.Close()
}
