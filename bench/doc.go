// Command bench measures the built scrim beside peers in one run: how much processor time the proxy process spends on
// a request, and how much memory it holds. Rounds of scrim and of the peer alternate, so that whatever else the
// machine does falls on both; what is printed are medians over the rounds, with their spread, and the ratio.
//
//	go run ./bench            everything, about two minutes
//	go run ./bench -rounds 9  steadier
//	go run ./bench -json      for machines
//
// The origin and the load run in the bench's own process; only the proxy process is measured, from /proc/PID/stat
// (user and system time, all threads) and /proc/PID/status (resident memory). Linux only.
package main
