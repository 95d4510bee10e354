package dns

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holder names the program that has a UDP or TCP port open, as far as /proc lets us
// see; "" if it does not.
func holder(port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, table := range []string{"udp", "udp6", "tcp", "tcp6"} {
		socketsOn(inodes, "/proc/net/"+table, uint16(n), strings.HasPrefix(table, "tcp"))
	}
	if len(inodes) == 0 {
		return ""
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		link, err := os.Readlink(fd)
		if err != nil || !inodes[strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")] {
			continue
		}
		name, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(fd)), "comm"))
		if err == nil {
			return strings.TrimSpace(string(name))
		}
	}
	return ""
}

// socketsOn collects the inodes of sockets bound to a port; of TCP only listening ones.
func socketsOn(inodes map[string]bool, table string, port uint16, tcp bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	const listening = "0A"
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || tcp && fields[3] != listening {
			continue
		}
		_, local, ok := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(local, 16, 16); ok && err == nil && uint16(n) == port {
			inodes[fields[9]] = true
		}
	}
}
