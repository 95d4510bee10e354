//go:build !linux

package main

import (
	"os"
	"path/filepath"
)

// socketPath names the socket.
func socketPath(folder *os.File) string { return filepath.Join(folder.Name(), socketName) }
