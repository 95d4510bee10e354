//go:build unix

package main

import "golang.org/x/sys/unix"

// freeSpace is how many bytes a user may still write to the file system of dir.
func freeSpace(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(uint64(fs.Bavail) * uint64(fs.Bsize)), nil
}
