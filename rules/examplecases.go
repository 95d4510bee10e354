package rules

// ExampleCase is the message of one example of a rule.
type ExampleCase struct {
	Rule    RuleInfo
	Name    string
	Message *Message
}

// ExampleCases lists the messages of all examples, in the order of the rules: shapes of what products really send.
// Examples without a host that could be reached, and such as no message can be made of, are left out.
func (s *Set) ExampleCases() []ExampleCase {
	var cases []ExampleCase
	for _, r := range s.rules {
		if r.refuses {
			continue
		}
		for i := range r.ast.Examples {
			m, _, err := r.exampleMessage(&r.ast.Examples[i].In)
			if err != nil || m.To.Host == "" {
				continue
			}
			cases = append(cases, ExampleCase{r.info, r.ast.Examples[i].Name, m})
		}
	}
	return cases
}
