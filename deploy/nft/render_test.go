package nft

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// update writes the goldens anew: go test ./deploy/nft -update.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files")
	flag.Parse()
	os.Exit(m.Run())
}

func prefixList(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// configs are the shapes that goldens and the kernel are asked about.
func configs() map[string]Config {
	return map[string]Config{
		"redirect-rules": {Port: 3129},
		"redirect-all": {Scope: ScopeAll, Port: 3129, Clients: prefixList("192.168.1.20/32", "192.168.1.16/28", "fd00::20/128"),
			Exclude: prefixList("192.168.0.0/16", "fd00::/8"), LocalUsers: []string{"65534"}, OwnUID: 990},
		"redirect-local": {Scope: ScopeAll, Port: 3129, LocalUsers: []string{"nobody"}, OwnUID: 990},
		"tproxy-rules":   {Mode: TProxy, Port: 3129, Clients: prefixList("192.168.1.0/24"), LocalUsers: []string{"nobody", "33"}, OwnUID: 990},
		"tproxy-all":     {Mode: TProxy, Scope: ScopeAll, Port: 3129, Ports: []uint16{80, 443, 8443}, Clients: prefixList("192.168.1.0/24", "fd00::/64")},
	}
}

func TestGoldens(t *testing.T) {
	for name, cfg := range configs() {
		for suffix, render := range map[string]func(Config) (string, error){".nft": Render, ".openwrt.nft": RenderOpenWrt} {
			t.Run(name+suffix, func(t *testing.T) {
				got, err := render(cfg)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", name+suffix)
				if updating() {
					os.MkdirAll("testdata", 0o755)
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil || got != string(want) {
					t.Errorf("got\n%s\nwant\n%s\n%v", got, want, err)
				}
			})
		}
	}
}

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		cfg  Config
		want string
	}{
		"no_port":        {Config{}, "listen.transparent"},
		"mode":           {Config{Port: 1, Mode: "nat"}, `mode: "nat" is neither`},
		"scope":          {Config{Port: 1, Scope: "lan"}, `scope: "lan" is neither`},
		"all":            {Config{Port: 1, Scope: ScopeAll}, "needs clients"},
		"user":           {Config{Port: 1, LocalUsers: []string{"x } accept"}}, "is not a user"},
		"own_user":       {Config{Port: 1, LocalUsers: []string{"990"}, OwnUID: 990}, "come back to it"},
		"ports":          {Config{Port: 1, Ports: []uint16{}}, "ports"},
		"client":         {Config{Port: 1, Clients: []netip.Prefix{{}}}, "not valid"},
		"several_faults": {Config{Mode: "nat", Scope: "lan"}, "\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text, err := Render(test.cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v; want %q", text, err, test.want)
			}
		})
	}
}

func TestRoutesOnlyForTProxy(t *testing.T) {
	if got := Routes(Config{Mode: Redirect}); got != nil {
		t.Errorf("got %v", got)
	}
	got := strings.Join(Routes(Config{Mode: TProxy}), "\n")
	want := `ip -4 route add local 0.0.0.0/0 dev lo table 23585
ip -4 rule add fwmark 0x5c21 lookup 23585 priority 5321
ip -6 route add local ::/0 dev lo table 23585
ip -6 rule add fwmark 0x5c21 lookup 23585 priority 5321`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
