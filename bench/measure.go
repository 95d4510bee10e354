package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// rewriting measures the processor time that an event costs: intercepted, generalized, recorded, forwarded.
func rewriting(s *stage) ([]row, error) {
	memory, err := scrim(s.binary, filepath.Join(s.dir, "memory"), "memory", s.world, rules)
	if err != nil {
		return nil, err
	}
	defer memory.stop()
	sqlite, err := scrim(s.binary, filepath.Join(s.dir, "sqlite"), "sqlite", s.world, rules)
	if err != nil {
		return nil, err
	}
	defer sqlite.stop()
	peer, err := s.goproxy()
	if err != nil {
		return nil, err
	}
	defer peer.stop()
	all := []*process{memory, sqlite, peer}
	var rows []row
	for _, size := range []struct {
		bytes, n int
		target   float64
	}{{1 << 10, 20000, 1}, {10 << 10, 6000, 0.5}} {
		body := event(size.bytes)
		cost := map[*process][]float64{}
		for _, p := range all { // warm up: connections, caches, the heap
			if err := post(p, body, size.n/4); err != nil {
				return nil, err
			}
		}
		for range s.rounds {
			for _, p := range all {
				before := p.cpu()
				if err := post(p, body, size.n); err != nil {
					return nil, err
				}
				cost[p] = append(cost[p], micros(p.cpu()-before, size.n))
			}
		}
		m, q, g := spreadOf(cost[memory]), spreadOf(cost[sqlite]), spreadOf(cost[peer])
		name := fmt.Sprintf("rewrite %d KB, CPU a request", size.bytes>>10)
		rows = append(rows,
			row{What: name, Unit: "µs", Scrim: m, Peer: g, Name: "goproxy + encoding/json", Ratio: m.Median / g.Median, Target: size.target},
			row{What: name + ", SQLite", Unit: "µs", Scrim: q, Peer: m, Name: "scrim, memory", Ratio: q.Median - m.Median, Target: 45, Diff: true})
	}
	return rows, nil
}

const mib = 1 << 20

// memories measures resident memory: idle, with 64 busy connections, and through an upload of 1 GB.
func memories(s *stage) ([]row, error) {
	p, err := scrim(s.binary, filepath.Join(s.dir, "rss"), "sqlite", s.world, rules+passRule)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	time.Sleep(2 * time.Second)
	idle, _ := p.memory()
	rows := []row{{What: "resident memory, idle", Unit: "MB", Scrim: one(idle), Name: "limit", Peer: spread{20, 20, 20}, Ratio: mb(idle) / 20, Target: 1}}
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range 4 {
		wg.Add(1)
		go func() { defer wg.Done(); errs <- post(p, event(1<<10), 8000) }()
	}
	wg.Wait()
	for range 4 {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	_, busy := p.memory()
	rows = append(rows, row{What: "resident memory, 64 busy connections, peak", Unit: "MB", Scrim: one(busy), Name: "limit", Peer: spread{64, 64, 64}, Ratio: mb(busy) / 64, Target: 1})
	for _, way := range []struct{ name, host string }{{"passed", "https://bench.example/upload"}, {"tunnelled", "https://tunnel.example/upload"}} {
		before, _ := p.memory()
		if err := upload(p, s.world, way.host); err != nil {
			return nil, err
		}
		after, _ := p.memory()
		rows = append(rows, row{What: "resident memory after 1 GB up, " + way.name, Unit: "MB", Scrim: one(after), Peer: one(before), Name: "before", Ratio: mb(after - before), Target: 8, Diff: true})
	}
	return rows, nil
}

const passRule = `
  - id: bench-upload
    why: A bench.
    match: {host: bench.example, path: /upload}
    then: pass
    examples:
      - name: an upload
        in: {method: PUT, url: "https://bench.example/upload", body: "x"}
        out: [{body: "x"}]
`

func one(b int64) spread { return spread{mb(b), mb(b), mb(b)} }
func mb(b int64) float64 { return float64(b) / mib }

// upload lets curl send 1 GB through p.
func upload(p *process, w *world, url string) error {
	roots := filepath.Join(filepath.Dir(p.ca), "both.pem")
	a, err := os.ReadFile(p.ca)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(w.caFile)
	if err != nil {
		return err
	}
	if err := os.WriteFile(roots, append(a, b...), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("curl", "-sS", "--http1.1", "--noproxy", "", "--proxy", "http://"+p.addr, "--cacert", roots, "-T", "-", "-H", "Expect:", "-o", "/dev/null", "-w", "%{http_code}", url)
	cmd.Stdin = io.LimitReader(zeros{}, 1<<30)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "200" {
		return fmt.Errorf("uploading to %s: %v: %s", url, err, out)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// tunnelling measures the processor time that a gigabyte costs through a blind tunnel.
func tunnelling(s *stage) ([]row, error) {
	w := *s.world
	w.origin = s.world.sink
	p, err := scrim(s.binary, filepath.Join(s.dir, "tunnel"), "memory", &w, rules)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	peer, err := begin("splice forwarder", addr, s.self, "-peer", "splice", "-addr", addr, "-to", s.world.sink)
	if err != nil {
		return nil, err
	}
	defer peer.stop()
	cost := map[*process][]float64{}
	for i := range s.rounds + 1 {
		for _, q := range []*process{p, peer} {
			before := q.cpu()
			if err := pull(q.addr, 2<<30); err != nil {
				return nil, err
			}
			if i > 0 {
				cost[q] = append(cost[q], (q.cpu()-before).Seconds()*1000/2)
			}
		}
	}
	a, b := spreadOf(cost[p]), spreadOf(cost[peer])
	return []row{{What: "tunnel, CPU a GB", Unit: "ms", Scrim: a, Peer: b, Name: "bare splice forwarder", Ratio: a.Median / b.Median, Target: 1.2}}, nil
}

// pull asks the sink for n bytes through a tunnel.
func pull(addr string, n int64) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	io.WriteString(c, "CONNECT tunnel.example:443 HTTP/1.1\r\nHost: tunnel.example:443\r\n\r\n")
	head := make([]byte, 0, 512)
	one := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := c.Read(one); err != nil {
			return fmt.Errorf("after %q: %w", head, err)
		}
		head = append(head, one[0])
	}
	if !bytes.Contains(head, []byte(" 200 ")) {
		return fmt.Errorf("the tunnel was refused: %q", head)
	}
	var wish [8]byte
	for i := range wish {
		wish[i] = byte(n >> (56 - 8*i))
	}
	c.Write(wish[:])
	got, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, mib))
	if err != nil || got != n {
		return fmt.Errorf("%d of %d bytes came: %v", got, n, err)
	}
	return nil
}

// replaying measures how long `scrim replay` takes over 100,000 events.
func replaying(s *stage) ([]row, error) {
	file := filepath.Join(s.dir, "events.ndjson")
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	enc := json.NewEncoder(f)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 100000 {
		err := enc.Encode(map[string]any{
			"time": start.Add(time.Duration(i) * time.Second), "method": "POST", "url": "https://bench.example/collect/event",
			"headers": map[string]string{"Content-Type": "text/plain;charset=UTF-8"}, "body": string(event(1 << 10)),
		})
		if err != nil {
			return nil, err
		}
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir, "replay")
	p, err := scrim(s.binary, dir, "memory", s.world, rules) // it writes the configuration
	if err != nil {
		return nil, err
	}
	p.stop()
	config := filepath.Join(dir, "scrim.yaml")
	var took []float64
	for range 3 {
		began := time.Now()
		cmd := exec.Command(s.binary, "replay", file, "--out", filepath.Join(s.dir, "out.ndjson"), "--config", config)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("replay: %w: %.500s", err, out)
		}
		took = append(took, time.Since(began).Seconds())
	}
	v := spreadOf(took)
	return []row{{What: "replay of 100,000 events of 1 KB", Unit: "s", Scrim: v, Peer: spread{5, 5, 5}, Name: "limit", Ratio: v.Median / 5, Target: 1}}, nil
}
