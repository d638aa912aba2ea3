package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreePort returns a loopback port that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	return freePorts(t, 1)[0]
}

// freePorts returns different ones. They are below those that the system gives to outgoing
// connections, which would take them before a server does.
func freePorts(t testing.TB, count int) []int {
	t.Helper()
	const first, last = 15_000, 32_000
	var ports []int
	for range 1000 {
		port := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close() // once all are found
		if ports = append(ports, port); len(ports) == count {
			return ports
		}
	}
	t.Fatal("no free port was found")
	return nil
}
