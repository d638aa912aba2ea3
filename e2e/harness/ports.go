package harness

import (
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports lie below the range from which the kernel takes ports for outgoing
// connections, or a load generator could take one between our look and the server's bind.
const (
	firstPort = 20000
	lastPort  = 32000
)

// nextPort spreads the ports of one test process; the start depends on the process, so
// that two test binaries at once seldom meet.
var nextPort atomic.Uint32

// FreePort returns a port on 127.0.0.1 on which nobody listens, over TCP or UDP. It is the
// test's until its end: who is started on it may take its time to bind, and no other test
// process can be given the port meanwhile.
func FreePort(t testing.TB) int {
	t.Helper()
	for range lastPort - firstPort {
		span := uint32(lastPort - firstPort)
		port := firstPort + int((uint32(os.Getpid())*131+nextPort.Add(1))%span)
		claim, err := claimPort(port)
		if err != nil {
			continue
		}
		if portIsFree(port) {
			t.Cleanup(func() { claim.Close() })
			return port
		}
		claim.Close()
	}
	t.Fatal("no free port")
	return 0
}

// claimPort binds a name in Linux's abstract namespace: only one process of the machine can,
// and the kernel frees it when the process ends, however it ends.
func claimPort(port int) (io.Closer, error) {
	return net.Listen("unix", "@sluice-e2e-port-"+strconv.Itoa(port))
}

// FreeAddr is FreePort as "127.0.0.1:port".
func FreeAddr(t testing.TB) string {
	t.Helper()
	return LocalAddr(FreePort(t))
}

// LocalAddr is the loopback address with the port.
func LocalAddr(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func portIsFree(port int) bool {
	listener, err := net.Listen("tcp", LocalAddr(port))
	if err != nil {
		return false
	}
	defer listener.Close()
	packet, err := net.ListenPacket("udp", LocalAddr(port))
	if err != nil {
		return false
	}
	packet.Close()
	return true
}
