//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// ownerOf is the number of the user whose file it is.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
