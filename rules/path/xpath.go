package path

// XPath is a compiled XPath selector.
type XPath struct{ src string }

// ParseXPath compiles the text after "xpath:". Its error is a *SyntaxError.
func ParseXPath(src string) (*XPath, error) { return &XPath{src: src}, nil }

// String is the selector as written, without "xpath:".
func (x *XPath) String() string { return x.src }

// Select appends to dst the nodes found, in document order.
func (x *XPath) Select(dst []int32, t Tree, root int32) []int32 { return dst }
