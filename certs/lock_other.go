//go:build !unix

package certs

// lock does nothing where the system has no advisory locks of this kind.
func (d folder) lock() (unlock func(), err error) { return func() {}, nil }
