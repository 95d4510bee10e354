package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"time"
)

// tellSystemd says READY=1, then WATCHDOG=1 at half the time that the service manager grants, then STOPPING=1
// (sd_notify(3)). Without a service manager it does nothing.
func tellSystemd(ctx context.Context) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	say := func(state string) {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err != nil {
			return // the service manager will notice by itself
		}
		defer conn.Close()
		conn.Write([]byte(state))
	}
	say("READY=1")
	defer say("STOPPING=1")
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(time.Duration(usec) * time.Microsecond / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			say("WATCHDOG=1")
		}
	}
}
