//go:build unix

package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// crashDir names the directory in which a child of TestKilledProcess writes.
const crashDir = "SCRIM_LEDGER_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func crashConfig(dir string) ledger.Config {
	return ledger.Config{Store: "sqlite", Dir: dir, KeepSize: 4 << 20}
}

// writeUntilKilled appends from eight goroutines and says on standard output which records it was told are safe.
func writeUntilKilled(dir string) {
	ctx := context.Background()
	l, err := ledger.Open(ctx, crashConfig(dir))
	if err != nil {
		fmt.Println("fault", err)
		os.Exit(1)
	}
	if notes := l.Notes(); len(notes) > 0 {
		fmt.Println("fault", notes)
		os.Exit(1)
	}
	for g := range 8 {
		go func() {
			for i := 0; ; i++ {
				r := sentRecord(i)
				r.Flow = fmt.Sprint(os.Getpid(), ".", g, ".", i)
				if err := l.Append(ctx, r); err != nil {
					fmt.Println("fault", err)
					os.Exit(1)
				}
				fmt.Println(r.Seq, r.Flow)
				l.Post(&ledger.Record{Type: ledger.Result, RefSeq: r.Seq, Status: 200})
			}
		}()
	}
	select {}
}

func TestKilledProcessLosesNothingItWasToldIsSafe(t *testing.T) {
	dir := t.TempDir()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		acknowledged := runAndKill(t, dir, time.Duration(20+rand.IntN(250))*time.Millisecond)
		l := open(t, crashConfig(dir))
		if notes := l.Notes(); len(notes) > 0 {
			t.Fatalf("round %d: %q", round, notes)
		}
		report, err := l.Verify(t.Context())
		if err != nil || !report.Good {
			t.Fatalf("round %d: %+v, %v", round, report, err)
		}
		chain := report.Chains[0]
		for seq, flow := range acknowledged {
			if seq <= chain.Removed {
				continue // retention took it
			}
			e, err := l.Get(t.Context(), strconv.FormatInt(seq, 10))
			if err != nil || e.Flow != flow {
				t.Fatalf("round %d: entry %d of flow %s was acknowledged and is %v, %v", round, seq, flow, e, err)
			}
		}
		t.Logf("round %d: %d acknowledged, chain %d to %d", round, len(acknowledged), chain.From, chain.To)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill runs a writing child for so long, kills it, and returns what it had acknowledged.
func runAndKill(t *testing.T, dir string, after time.Duration) map[int64]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[int64]string{}
	lines := bufio.NewScanner(out)
	var timer *time.Timer
	for lines.Scan() {
		if timer == nil { // it writes
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		number, flow, _ := strings.Cut(lines.Text(), " ")
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		acknowledged[seq] = flow
	}
	_ = cmd.Wait() // it was killed
	if len(acknowledged) == 0 {
		t.Fatal("the child wrote nothing")
	}
	return acknowledged
}
