package rules

import (
	"net/netip"
	"time"
)

// Options are the settings that rules compile under.
type Options struct {
	Limits         Limits
	Profile        string            // "generalized" (also "") or "strict", for every product
	ProductProfile map[string]string // by product; wins over Profile
	// Files reads a list that a refuse rule names, {file: hosts.txt}; nil: such rules are faults.
	Files func(name string) ([]byte, error)
	// NeverDecrypt are names and *.names beside the built-in list that no rule may cover.
	NeverDecrypt []string
}

// Limits bound what is decoded. Zero values take the defaults: 16 MiB, 100:1, 128.
type Limits struct {
	MaxBody  int64 // bytes, content codings undone
	MaxRatio int   // decoded to coded
	MaxDepth int   // nesting
}

// Choices are the owner's switches, which change without a reload.
type Choices struct {
	Switch  map[string]map[string]Verdict // product, kind: pass, generalize or drop
	Profile map[string]string             // product ("" for all): "generalized" or "strict"
	Pause   map[string]time.Time          // product: passes unchanged until then
}

// Client is who asks, and when. Name is the owner's name for the address, or "".
// A zero Now means that no pause holds.
type Client struct {
	Addr netip.Addr
	Name string
	Now  time.Time
}

// Route says what Apply will need to decide a message, from all but its body.
type Route struct {
	// NeedBody: read the content, up to MaxBody bytes decoded, before Apply.
	// Without it the message passes or is dropped whatever its content is.
	NeedBody bool
	MaxBody  int64
	// Rules are those that can still decide, in order. Empty: no rule will match.
	Rules []*RuleInfo
	Class Class
}

// HostInfo is one name that rules speak of.
type HostInfo struct {
	Name    string // exact, or *.name
	Class   Class  // "" for names that are only refused
	Product string
	Refused bool
}

// KindInfo is one switch.
type KindInfo struct {
	Name    string
	Title   string
	Default Verdict
	Switch  Verdict // as it stands
}

// ProductInfo is one product and its switches.
type ProductInfo struct {
	Name    string
	Title   string
	Profile string
	Pause   time.Time // zero: not paused
	Kinds   []KindInfo
}
