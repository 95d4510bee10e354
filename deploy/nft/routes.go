package nft

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Routes are the commands that bring marked packets to this machine, which TPROXY
// needs. There are none in the other mode.
func Routes(cfg Config) []string {
	if cfg.Mode != TProxy {
		return nil
	}
	var out []string
	for _, args := range routeCommands("add") {
		out = append(out, "ip "+strings.Join(args, " "))
	}
	return out
}

// routeCommands gives the arguments of ip that add or delete rule and route, for each family.
func routeCommands(verb string) [][]string {
	var out [][]string
	for _, family := range []struct{ flag, all string }{{"-4", "0.0.0.0/0"}, {"-6", "::/0"}} {
		out = append(out,
			[]string{family.flag, "route", verb, "local", family.all, "dev", "lo", "table", fmt.Sprint(RouteID)},
			[]string{family.flag, "rule", verb, "fwmark", fmt.Sprintf("%#x", Mark), "lookup", fmt.Sprint(RouteID), "priority", fmt.Sprint(rulePrio)},
		)
	}
	return out
}

// setRoutes makes the routes as the mode needs them. Those that are there stay.
func setRoutes(ctx context.Context, cfg Config) error {
	if cfg.Mode != TProxy {
		return clearRoutes(ctx)
	}
	for _, args := range routeCommands("add") {
		text, err := run(ctx, "", "ip", args...)
		if err == nil || strings.Contains(text, "File exists") || args[0] == "-6" && noIPv6(text) {
			continue
		}
		return fmt.Errorf("adding the routes of TPROXY: %w", err)
	}
	return nil
}

// noIPv6 recognises a kernel without IPv6, or with it turned off.
func noIPv6(text string) bool {
	return strings.Contains(text, "not supported") || strings.Contains(text, "IPv6 is disabled")
}

// maxRules bounds the deletions of rules that an interrupted run may have left twice.
const maxRules = 8

// clearRoutes removes our rules and routes where there are any.
func clearRoutes(ctx context.Context) error {
	for _, args := range routeCommands("del") {
		for range maxRules {
			_, err := run(ctx, "", "ip", args...)
			var missing *MissingError
			if errors.As(err, &missing) {
				return missing
			}
			if err != nil { // there is none left
				break
			}
		}
	}
	return nil
}
