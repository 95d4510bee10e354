//go:build unix

package certs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lock keeps two processes from making or changing an authority at the same time.
// The kernel lets go of it when the process ends, however it ends.
func (d folder) lock() (unlock func(), err error) {
	f, err := os.OpenFile(d.path(".lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the certificate authority: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking the certificate authority: %w", err)
	}
	return func() { f.Close() }, nil
}
