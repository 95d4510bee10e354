package rules

import "errors"

// Compile makes a Set of files, the owner's first. Its error is strict.Faults: all faults at once, each with its place.
// It runs no examples: see RunExamples.
func Compile(files []*File, opt Options) (*Set, error) {
	return nil, errors.New("not yet")
}

// Set is a compiled, immutable set of rules. It may be used concurrently.
type Set struct{}

func (s *Set) Gate(client Client, host string) Gate     { return Gate{Answer: Tunnel} }
func (s *Set) Route(m *Message) Route                   { return Route{} }
func (s *Set) Apply(m *Message, env Env) *Outcome       { return &Outcome{Verdict: Drop} }
func (s *Set) Explain(m *Message, env Env) *Explanation { return nil }
func (s *Set) With(c Choices) *Set                      { return s }
func (s *Set) RunExamples() []ExampleFault              { return nil }
func (s *Set) Rules() []RuleInfo                        { return nil }
func (s *Set) Hosts() []HostInfo                        { return nil }
func (s *Set) Products() []ProductInfo                  { return nil }
func (s *Set) Warnings() []Warning                      { return nil }

// Warning is something in the rules that is no fault and surely not meant.
type Warning struct {
	Pos   Pos
	Other Pos // where the cause stands; zero: nowhere
	What  string
}
