package e2e

import (
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestUnderASupervisor: whoever waits for READY=1 may send requests at once, the watchdog is
// fed in time, and a stop says so.
func TestUnderASupervisor(t *testing.T) {
	t.Parallel()
	socket, heard := notifySocket(t)
	backend := harness.NewRecorder(t, "acme")
	gateway := harness.NewGateway(t, harness.GatewayConfig{Env: []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=3000000"}},
		map[string]string{"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"})})
	gateway.Launch(t)
	await(t, heard, "READY=1")
	if reply := harness.Get(t, harness.Client(gateway.Web), "http://acme.test/web"); reply.Status != http.StatusOK {
		t.Errorf("the gateway said that it is ready, and answers %d", reply.Status)
	}
	await(t, heard, "WATCHDOG=1")
	await(t, heard, "WATCHDOG=1")
	if err := gateway.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, heard, "STOPPING=1")
	if !gateway.Stop(2 * harness.Patience) {
		t.Error("the gateway does not stop")
	}
}

// notifySocket is what systemd gives a service of type notify.
func notifySocket(t *testing.T) (path string, heard <-chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	said := make(chan string, 1024)
	go func() {
		defer close(said)
		buffer := make([]byte, 512)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			said <- string(buffer[:n])
		}
	}()
	return path, said
}

// await passes over what else is said.
func await(t *testing.T, heard <-chan string, what string) {
	t.Helper()
	late := time.After(2 * harness.Patience)
	for {
		select {
		case said, open := <-heard:
			if said == what {
				return
			}
			if !open {
				t.Fatalf("the socket was closed before %s", what)
			}
		case <-late:
			t.Fatalf("%s was not said", what)
		}
	}
}
