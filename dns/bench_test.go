package dns

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// serveEnv makes the test binary a server: its CPU can then be told from the client's.
const serveEnv = "SCRIM_DNS_BENCH_UPSTREAM"

func TestMain(m *testing.M) {
	if upstream, ok := os.LookupEnv(serveEnv); ok {
		serveForBench(upstream)
		return
	}
	os.Exit(m.Run())
}

func serveForBench(upstream string) {
	u, err := NewUpstreams(UpstreamConfig{Resolvers: []string{upstream}})
	if err == nil {
		var s *Server
		s, err = New(Config{Listen: []string{"127.0.0.1:0"}, Upstreams: u, Decide: policy, Rate: -1, Seen: new(Seen),
			Addresses: func(_, _ netip.Addr) (netip.Addr, netip.Addr) { return self4, self6 }})
		if err == nil {
			fmt.Println(s.Addrs()[0])
			ctx, cancel := contextUntilEOF()
			defer cancel()
			s.Run(ctx)
			return
		}
	}
	fmt.Println(err)
}

// contextUntilEOF ends when who started us closes our input.
func contextUntilEOF() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}

// child is a server in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
}

func startChild(b *testing.B, upstream string) child {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+upstream)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	return child{cmd, strings.TrimSpace(line)}
}

// cpu is what the process has used so far.
func (c child) cpu(b *testing.B) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", c.cmd.Process.Pid))
	if err != nil {
		b.Skip("no /proc to read CPU time from")
	}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.cmd.Process.Pid))
	var total time.Duration
	for _, task := range tasks {
		var ns int64
		data, _ = os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", c.cmd.Process.Pid, task.Name()))
		fmt.Sscan(string(data), &ns)
		total += time.Duration(ns)
	}
	return total
}

// load keeps queries in flight on one socket until b.N are answered.
func load(b *testing.B, addr string, inFlight int, query func(i int) []byte) {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	sent := 0
	for ; sent < min(inFlight, b.N); sent++ {
		conn.Write(query(sent))
	}
	for got := 0; got < b.N; got++ {
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := conn.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		if n < headerLen || buf[3]&0xF != 0 {
			b.Fatalf("got %x", buf[:n])
		}
		if sent < b.N {
			conn.Write(query(sent))
			sent++
		}
	}
}

func benchServer(b *testing.B, inFlight int, query func(i int) []byte) {
	o := newOrigin(b)
	c := startChild(b, "udp://"+o.addr)
	load(b, c.addr, inFlight, query) // warm
	before := c.cpu(b)
	b.ResetTimer()
	load(b, c.addr, inFlight, query)
	b.ReportMetric(float64((c.cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/query")
	runtime.KeepAlive(c)
}

func BenchmarkOverride(b *testing.B) {
	raw := rawQuery("ruled.example.", miekg.TypeA)
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchServer(b, n, func(int) []byte { return raw }) })
	}
}

func BenchmarkCached(b *testing.B) {
	raw := rawQuery("plain.example.", miekg.TypeA)
	benchServer(b, 16, func(int) []byte { return raw })
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			round := 0
			benchServer(b, n, func(i int) []byte {
				round++
				return rawQuery(fmt.Sprintf("f%d.example.", round), miekg.TypeA)
			})
		})
	}
}

// BenchmarkQuick is the override without sockets.
func BenchmarkQuick(b *testing.B) {
	s := &Server{cfg: Config{Answer: Self, Decide: policy, Seen: new(Seen), Addresses: func(_, _ netip.Addr) (netip.Addr, netip.Addr) { return self4, self6 }},
		cache: newCache(1<<20, time.Hour), now: time.Now, nonce: ".nonce.invalid"}
	raw, out := rawQuery("ruled.example.", miekg.TypeA), make([]byte, 0, 512)
	from, now := &peer{client: netip.MustParseAddr("192.0.2.1"), udp: true}, time.Now()
	var q query
	b.ReportAllocs()
	for b.Loop() {
		if _, done := s.quick(out, &q, raw, from, now); !done {
			b.Fatal("not answered")
		}
	}
}
