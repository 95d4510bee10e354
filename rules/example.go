package rules

// ExampleFault is an example whose outcome is not what its rule file says.
type ExampleFault struct {
	Rule    string
	Example string
	Pos     Pos
	What    string   // one line
	Diff    []string // "$.properties.duration: got 5640, want 5220"; values come from the rule file
}

// Error is the fault and its differences, one a line.
func (f ExampleFault) Error() string { return f.What }
