package rules

// AppendName appends the step to a member of an object, as the selectors of edits write it: .name, or ['na me'].
func AppendName(dst []byte, name string) []byte { return appendStep(dst, name) }
