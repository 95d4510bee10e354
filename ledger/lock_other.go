//go:build !unix

package ledger

import (
	"fmt"
	"os"
)

// lockFile opens the lock of a state directory. Here nothing but SQLite's own locks keeps a second writer out.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	return f, nil
}
