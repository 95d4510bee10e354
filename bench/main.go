package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each proxy, interleaved")
	only := flag.String("only", "", "run the steps whose name holds this: rewriting, memories, tunnelling, replaying, resolving, transparent")
	asJSON := flag.Bool("json", false, "print JSON")
	binary := flag.String("scrim", "", "a built scrim; \"\" builds one")
	peer := flag.String("peer", "", "run as a peer (goproxy, splice, forward or sink); used by the bench itself")
	addr := flag.String("addr", "", "of a peer")
	to := flag.String("to", "", "of a peer: the origin")
	roots := flag.String("roots", "", "of a peer")
	ca := flag.String("ca", "", "of a peer")
	flag.Parse()
	var err error
	switch *peer {
	case "goproxy":
		err = runGoproxy(*addr, *to, *roots, *ca)
	case "splice":
		err = runSplice(*addr, *to)
	case "forward":
		err = runForward(*addr, *to)
	case "sink":
		err = runSink(*addr)
	default:
		err = bench(*binary, *only, *rounds, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// row is one line of the result: a measure of scrim beside the same of a peer.
type row struct {
	What   string  `json:"what"`
	Unit   string  `json:"unit"`
	Scrim  spread  `json:"scrim"`
	Peer   spread  `json:"peer"`
	Name   string  `json:"peer_name"`
	Ratio  float64 `json:"ratio"`  // scrim to peer; of a difference: scrim minus peer
	Target float64 `json:"target"` // what the ratio (or the difference) is to be at most
	Diff   bool    `json:"difference,omitempty"`
}

// spread is a median and the extremes.
type spread struct{ Median, Min, Max float64 }

func spreadOf(v []float64) spread {
	if len(v) == 0 {
		return spread{}
	}
	slices.Sort(v)
	return spread{v[len(v)/2], v[0], v[len(v)-1]}
}

func bench(binary, only string, rounds int, asJSON bool) error {
	dir, err := os.MkdirTemp("", "scrim-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if binary == "" {
		binary = filepath.Join(dir, "scrim")
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/scrim")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building scrim: %w\n%s", err, out)
		}
	}
	w, err := newWorld(dir)
	if err != nil {
		return err
	}
	defer w.close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var rows []row
	for _, step := range []struct {
		name string
		run  func(*stage) ([]row, error)
	}{{"rewriting", rewriting}, {"memories", memories}, {"tunnelling", tunnelling}, {"replaying", replaying}, {"resolving", resolving}, {"transparent", transparent}} {
		if !strings.Contains(step.name, only) {
			continue
		}
		got, err := step.run(&stage{binary: binary, self: self, dir: dir, rounds: rounds, world: w})
		if err != nil {
			return err
		}
		rows = append(rows, got...)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(rows)
	}
	printRows(rows)
	return nil
}

// stage is what a measurement needs.
type stage struct {
	binary, self, dir string
	rounds            int
	world             *world
}

func (s *stage) goproxy() (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	ca := filepath.Join(s.dir, "peer-ca.pem")
	p, err := begin("goproxy", addr, s.self, "-peer", "goproxy", "-addr", addr, "-to", s.world.origin, "-roots", s.world.caFile, "-ca", ca)
	if err != nil {
		return nil, err
	}
	p.ca = ca
	return p, nil
}

func printRows(rows []row) {
	fmt.Printf("%-44s %26s %26s   %s\n", "", "scrim (min..max)", "peer (min..max)", "ratio, at most")
	for _, r := range rows {
		verdict := "ok"
		if r.Target > 0 && r.Ratio > r.Target {
			verdict = "OVER"
		}
		ratio := fmt.Sprintf("%.2f", r.Ratio)
		if r.Diff {
			ratio = fmt.Sprintf("%+.1f %s", r.Ratio, r.Unit)
		}
		fmt.Printf("%-44s %8.1f (%6.1f..%6.1f) %2s %8.1f (%6.1f..%6.1f) %2s   %s, %.2f %s  [%s]\n", r.What,
			r.Scrim.Median, r.Scrim.Min, r.Scrim.Max, r.Unit, r.Peer.Median, r.Peer.Min, r.Peer.Max, r.Unit, ratio, r.Target, verdict, r.Name)
	}
}

// micros is a duration in microseconds.
func micros(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(n) }
