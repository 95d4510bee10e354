//go:build !linux

package dns

import "syscall"

const oobSize = 0

// Elsewhere the local address is not known where the socket listens on all; then
// Config.Addresses must tell our address, or Listen name one.
func controlUDP(_, _ string, _ syscall.RawConn) error { return nil }

func readOOB([]byte, *peer) []byte { return nil }
