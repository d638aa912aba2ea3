package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// slowClients are clients that a worker of Odoo must not wait for: two seconds of stall on
// its socket and it gives up, and there are two workers.
var slowClients = []struct {
	name string
	run  func(*testing.T, *slowLab)
}{
	{"a client stalls for 10 s in a 25 MB download", func(t *testing.T, l *slowLab) {
		l.download(t, 25<<20, func(r io.Reader, w io.Writer) error {
			if _, err := io.CopyN(w, r, 1<<20); err != nil {
				return err
			}
			<-time.After(10 * time.Second)
			_, err := io.Copy(w, r)
			return err
		})
	}},
	{"a client reads 5 MB at 200 KB/s", func(t *testing.T, l *slowLab) {
		l.download(t, 5<<20, func(r io.Reader, w io.Writer) error { return paced(w, r, 200_000) })
	}},
	{"a client uploads 20 MB at 500 KB/s", func(t *testing.T, l *slowLab) { l.upload(t, 20<<20, 500_000) }},
}

// slowLab is a gateway in front of a stand-in with two workers and Odoo's two-second rule.
type slowLab struct {
	gateway *harness.Gateway
	standin *harness.StandIn
}

// TestSlowClients runs the slow clients beside each other: three of them and two workers.
// While they are slow both workers are free, which quick requests and the stand-in's own
// count say, and in the end every byte is right.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	l := &slowLab{standin: harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Workers: 2})}
	l.gateway = harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Pool("acme", []harness.Backend{{HTTP: l.standin.HTTP, Realtime: l.standin.Realtime, Workers: 2}}) +
			"---\n" + harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
	})
	var running sync.WaitGroup
	running.Add(len(slowClients))
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	for _, c := range slowClients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			defer running.Done()
			c.run(t, l)
		})
	}
	t.Run("both workers are free meanwhile", func(t *testing.T) {
		t.Parallel()
		l.workersAreFree(t, ended)
	})
}

// workersAreFree watches until the slow clients have ended. A worker is busy for moments,
// while a whole body is handed over; it never waits for a client.
func (l *slowLab) workersAreFree(t *testing.T, ended <-chan struct{}) {
	client := harness.Client(l.gateway.Web)
	start, before := time.Now(), l.standin.Counters(t).Workers.BusySeconds
	samples, busy, slowest := 0, 0, time.Duration(0)
	for open := true; open; {
		asked := time.Now()
		if reply := harness.Get(t, client, "http://acme.test/web/login"); reply.Status != http.StatusOK {
			t.Errorf("a quick request: %d", reply.Status)
		}
		slowest = max(slowest, time.Since(asked))
		samples++
		if l.standin.Counters(t).Workers.Busy >= 2 {
			busy++
		}
		select {
		case <-ended:
			open = false
		case <-time.After(200 * time.Millisecond):
		}
	}
	spent, took := l.standin.Counters(t).Workers.BusySeconds-before, time.Since(start).Seconds()
	t.Logf("%d samples in %.0f s, both workers busy in %d, workers busy for %.1f s in all, slowest quick request %v", samples, took, busy, spent, slowest)
	if samples < 20 || busy*5 > samples || spent > took/2 {
		t.Errorf("the workers waited for clients: both busy in %d of %d samples, busy for %.1f s of 2 x %.0f s", busy, samples, spent, took)
	}
}

// download reads from the stand-in through the gateway in its own way and compares with
// what the stand-in sends to somebody quick.
func (l *slowLab) download(t *testing.T, size int, read func(io.Reader, io.Writer) error) {
	t.Helper()
	path := harness.BytesPath(size)
	conn, err := net.Dial("tcp", l.gateway.Web)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A small receive buffer, or the kernel would take most of it while we stall.
	_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n\r\n", path)
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16<<10), nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	count := &counter{Writer: sum}
	if err := read(answer.Body, count); err != nil {
		t.Errorf("after %d bytes: %v", count.n, err)
	}
	direct := harness.Get(t, harness.Client(l.standin.HTTP), "http://acme.test"+path)
	if want := sha256.Sum256([]byte(direct.Body)); count.n != int64(len(direct.Body)) || !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Errorf("got %d bytes, want %d, or they differ", count.n, len(direct.Body))
	}
	if len(direct.Body) < size {
		t.Errorf("the stand-in sent %d bytes, want at least %d", len(direct.Body), size)
	}
}

func (l *slowLab) upload(t *testing.T, size, perSecond int) {
	t.Helper()
	body := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(body)
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(paced(writer, bytes.NewReader(body), perSecond)) }()
	request, err := http.NewRequest(http.MethodPost, "http://acme.test"+harness.EchoPath, reader)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(size)
	request.Header.Set("Content-Type", "application/octet-stream")
	reply := harness.Do(t, harness.Client(l.gateway.Web), request)
	if want := fmt.Sprintf("%x", sha256.Sum256(body)); reply.Status != http.StatusOK || !strings.Contains(reply.Body, want) {
		t.Errorf("%d %.300s, want the hash %s", reply.Status, reply.Body, want)
	}
}

// paced copies at so many bytes a second, in twenty steps a second.
func paced(w io.Writer, r io.Reader, perSecond int) error {
	step := int64(perSecond / 20)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.CopyN(w, r, step); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		<-tick.C
	}
}

type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}
