package nft

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strings"
	"time"
)

// commandTimeout bounds each run of nft and ip.
const commandTimeout = 10 * time.Second

// MissingError says what this machine lacks, and which way is left.
type MissingError struct {
	What string // "permission (CAP_NET_ADMIN)", "TPROXY in the kernel"
	Fix  string
	Err  error // what the tool said
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("firewall: %s is missing; %s", e.What, e.Fix)
}

// Unwrap gives what the tool said.
func (e *MissingError) Unwrap() error { return e.Err }

// otherDoors work without a firewall.
const otherDoors = "without it the explicit proxy (listen.proxy) works, and the DNS door with dns.answer: self"

// run runs a command with text as its input.
func run(ctx context.Context, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", &MissingError{What: "the program " + name, Err: err,
			Fix: map[string]string{"nft": "install nftables; ", "ip": "install iproute2; "}[name] + otherDoors}
	case err != nil && strings.Contains(text, "Operation not permitted"):
		return text, &MissingError{What: "permission (CAP_NET_ADMIN)", Err: err,
			Fix: "run it as root, or give the service that capability; " + otherDoors}
	case err != nil:
		return text, fmt.Errorf("running %s: %w: %s", name, err, firstLine(text))
	}
	return text, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// Check asks the kernel whether it would take the rules, and changes nothing. An error
// that the machine is the reason of is a *MissingError.
func Check(ctx context.Context, cfg Config) error {
	text, err := Render(cfg)
	if err != nil {
		return err
	}
	if err := knownUsers(cfg.LocalUsers); err != nil {
		return err
	}
	if _, err = run(ctx, text, "nft", "-c", "-f", "-"); err == nil {
		return nil
	}
	var missing *MissingError
	if errors.As(err, &missing) {
		return err
	}
	if lacking := probe(ctx, cfg, err); lacking != nil {
		return lacking
	}
	return fmt.Errorf("checking the firewall rules: %w", err)
}

func knownUsers(names []string) error {
	for _, name := range names {
		if name[0] >= '0' && name[0] <= '9' {
			continue
		}
		if _, err := user.Lookup(name); err != nil {
			return fmt.Errorf("firewall.local_users: this machine has no user %q", name)
		}
	}
	return nil
}

// need is a kernel feature, the rule that needs it, and what to do without.
type need struct {
	what, kind, rule, fix string
	only                  Mode // "": both
}

// needs are in the order in which they are tried.
func needs() []need {
	return []need{
		{"nftables with the inet family in the kernel", "filter hook prerouting", "", "load nf_tables (OpenWrt: kmod-nft-core); " + otherDoors, ""},
		{"the fib expression in the kernel", "filter hook prerouting", "fib daddr type local return", "load nft_fib_inet (OpenWrt: kmod-nft-fib); " + otherDoors, ""},
		{"NAT in the kernel", "nat hook prerouting", "meta nfproto ipv4 tcp dport 80 redirect to :1", "load nft_redir and nft_nat (OpenWrt: kmod-nft-nat), or use mode: tproxy", Redirect},
		{"IPv6 NAT in the kernel", "nat hook prerouting", "meta nfproto ipv6 tcp dport 80 redirect to :1", "load nf_nat with IPv6 (OpenWrt: kmod-nf-nat6), or use mode: tproxy, which needs no NAT", Redirect},
		{"TPROXY in the kernel", "filter hook prerouting", "meta nfproto ipv4 tcp dport 80 tproxy ip to :1", "load nft_tproxy (OpenWrt: kmod-nft-tproxy), or use mode: redirect", TProxy},
		{"TPROXY for IPv6 in the kernel", "filter hook prerouting", "meta nfproto ipv6 tcp dport 80 tproxy ip6 to :1", "load nft_tproxy and nf_tproxy_ipv6, or use mode: redirect", TProxy},
		{"the socket expression in the kernel", "filter hook prerouting", "meta l4proto tcp socket transparent 1 accept", "load nft_socket (OpenWrt: kmod-nft-socket), or use mode: redirect", TProxy},
		{"reject in the kernel", "filter hook forward", "udp dport 443 reject", "load nft_reject_inet; " + otherDoors, ""},
	}
}

// probe finds which feature the kernel lacks, by asking for each alone.
func probe(ctx context.Context, cfg Config, cause error) error {
	mode := cfg.Mode
	if mode == "" {
		mode = Redirect
	}
	for _, n := range needs() {
		if n.only != "" && n.only != mode {
			continue
		}
		text := fmt.Sprintf("table inet scrim_probe {\nchain c {\ntype %s priority -5; policy accept;\n%s\n}\n}\n", n.kind, n.rule)
		if _, err := run(ctx, text, "nft", "-c", "-f", "-"); err != nil {
			return &MissingError{What: n.what, Fix: n.fix, Err: cause}
		}
	}
	return nil
}

// Apply puts the rules in place, in one transaction after a check, and the routes that
// TPROXY needs. Addresses in the sets stay. Applying twice changes nothing.
func Apply(ctx context.Context, cfg Config) error {
	if err := Check(ctx, cfg); err != nil {
		return err
	}
	text, err := Render(cfg)
	if err != nil {
		return err
	}
	if err := setRoutes(ctx, cfg); err != nil {
		return err
	}
	if _, err := run(ctx, text+sweep(ctx, text), "nft", "-f", "-"); err != nil {
		return fmt.Errorf("applying the firewall rules: %w", err)
	}
	return nil
}

// sweep removes the chains and sets that an earlier configuration made and text does not.
func sweep(ctx context.Context, text string) string {
	have, err := run(ctx, "", "nft", "list", "table", nftFamily, Table)
	if err != nil {
		return "" // there is none yet
	}
	var out strings.Builder
	for _, kind := range []string{"chain", "set"} { // sets after the chains that name them
		for line := range strings.Lines(have) {
			name, ok := strings.CutPrefix(strings.TrimSpace(line), kind+" ")
			if ok && !strings.Contains(text, "\t"+kind+" "+name+"\n") {
				fmt.Fprintf(&out, "delete %s %s %s %s\n", kind, nftFamily, Table, strings.TrimSuffix(name, " {"))
			}
		}
	}
	return out.String()
}

// Applied reports whether our table is there.
func Applied(ctx context.Context) (bool, error) {
	have, err := run(ctx, "", "nft", "list", "tables")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(have) {
		if strings.TrimSpace(line) == "table "+nftFamily+" "+Table {
			return true, nil
		}
	}
	return false, nil
}

// Remove takes everything away that Apply ever put in place: table, rule and route.
// It is no error if nothing is there.
func Remove(ctx context.Context) error {
	// Adding first makes the deletion succeed either way, in the same transaction.
	text := fmt.Sprintf("table %[1]s %[2]s\ndelete table %[1]s %[2]s\n", nftFamily, Table)
	_, err := run(ctx, text, "nft", "-f", "-")
	if err != nil {
		err = fmt.Errorf("removing the firewall rules: %w", err)
	}
	return errors.Join(err, clearRoutes(ctx))
}
