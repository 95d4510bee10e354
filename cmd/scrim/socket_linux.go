package main

import (
	"fmt"
	"os"
)

// socketPath names the socket through the open folder: the address of a socket holds 107 bytes (unix(7)),
// the path of a state directory may be longer.
func socketPath(folder *os.File) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), socketName)
}
