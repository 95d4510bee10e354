package rules

// Tried is one rule that was held against a message.
type Tried struct {
	Rule   *RuleInfo
	Held   bool
	Failed string // the first condition that did not hold, in words; "" where all held
}

// Explanation says which rule decides a message and why the others do not.
type Explanation struct {
	Gate    Gate
	Tried   []Tried // in order, up to the one that decides; the rest follow with Held false and Failed "comes later"
	Outcome *Outcome
}
