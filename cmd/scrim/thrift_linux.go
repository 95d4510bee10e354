package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forget lets go of the pages of the program file that are in memory. What only the start needed (compiling rules,
// making keys) does not come back. They are read-only mappings of the file; what is needed again is mapped again (madvise(2), MADV_DONTNEED).
func forget() {
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.SplitSeq(string(maps), "\n") {
		words := strings.Fields(line) // address, permissions, offset, device, inode, path (proc_pid_maps(5))
		if len(words) != 6 || words[5] != program || words[1] != "r-xp" && words[1] != "r--p" {
			continue
		}
		from, to, _ := strings.Cut(words[0], "-")
		start, errStart := strconv.ParseUint(from, 16, 64)
		end, errEnd := strconv.ParseUint(to, 16, 64)
		if errStart == nil && errEnd == nil {
			unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED) // advice: nothing depends on it
		}
	}
}
