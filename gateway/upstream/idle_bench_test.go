package upstream

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
)

// peersEnv makes this binary play Odoo and the browsers, so that their memory is not ours.
const peersEnv = "UPSTREAM_TEST_SOCKET_PEERS"

const idleSockets = 4000

// BenchmarkIdleSockets reports the resident memory of one open, silent socket, both
// connections included.
func BenchmarkIdleSockets(b *testing.B) {
	for _, scheme := range []string{"http", "https"} {
		b.Run(scheme, func(b *testing.B) { measureIdle(b, scheme) })
	}
}

func measureIdle(b *testing.B, scheme string) {
	peers := exec.Command(os.Args[0])
	peers.Env = append(os.Environ(), fmt.Sprintf("%s=%d", peersEnv, idleSockets))
	peers.Stderr = os.Stderr
	in, _ := peers.StdinPipe()
	out, _ := peers.StdoutPipe()
	if err := peers.Start(); err != nil {
		b.Fatal(err)
	}
	defer peers.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	lines.Scan()
	g := newRig(b, []string{"http://127.0.0.1:1"}, func(_ *Config, p *routing.Pool) {
		p.Backends[0].Realtime = "http://" + lines.Text()
		p.Realtime.Handshakes, p.Realtime.Concurrency = 100_000, 1000 // how fast they come is another test
	})
	if scheme == "https" {
		g.front.Close()
		g.front = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
		g.front.StartTLS()
	}
	before := resident(b)
	fmt.Fprintln(in, scheme, g.front.Listener.Addr())
	lines.Scan()
	if got := lines.Text(); got != "open" {
		b.Fatal(got)
	}
	after := resident(b)
	for b.Loop() { // the figure is memory, not time
	}
	b.ReportMetric(float64(after-before)/idleSockets, "B/socket")
}

func resident(b *testing.B) int {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kib << 10
}

// runPeers listens as Odoo, opens n sockets through the gateway named on its standard input,
// and holds them until that ends.
func runPeers(text string) {
	n, _ := strconv.Atoi(text)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = accept(wire{c, bufio.NewReader(c)})
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	fmt.Println(l.Addr())
	stdin := bufio.NewScanner(os.Stdin)
	stdin.Scan()
	scheme, address, _ := strings.Cut(stdin.Text(), " ")
	var conns []net.Conn
	for range n {
		c, err := dialFront(scheme, address)
		if err == nil {
			_, err = io.WriteString(c, handshake+"\r\n")
		}
		if err == nil {
			_, err = http.ReadResponse(bufio.NewReader(c), nil)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		conns = append(conns, c)
	}
	fmt.Println("open")
	stdin.Scan()
	for _, c := range conns {
		_ = c.Close()
	}
}

func dialFront(scheme, address string) (net.Conn, error) {
	if scheme == "https" {
		return tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // a test's own server
	}
	return net.Dial("tcp", address)
}
