package upstream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

// honest answers with a body of the size that the path asks for, over HTTP/1.1 or, like a
// prefork worker, over HTTP/1.0, and says what it received.
func honest(keep bool) func(wire) {
	return func(c wire) {
		for {
			r, body, err := readRequest(c)
			if err != nil {
				return
			}
			if isProbe(r) {
				io.WriteString(c.Conn, healthy)
				return
			}
			var size int
			fmt.Sscanf(r.URL.Path, "/web/%d", &size)
			sum := sha256.Sum256([]byte(body))
			version := "HTTP/1.0"
			if keep {
				version = "HTTP/1.1"
			}
			fmt.Fprintf(c.Conn, "%s 200 OK\r\nX-Sum: %s\r\nContent-Length: %d\r\n\r\n%s", version, hex.EncodeToString(sum[:]), size, strings.Repeat("y", size))
			if !keep {
				return
			}
		}
	}
}

// Requests of all sizes, while one backend comes and goes and the configuration changes all
// the time: each answer is whole and belongs to its request, or is an error that says so.
func TestAStormOfRequestsAndChanges(t *testing.T) {
	keep, prefork := startWorker(t, honest(true)), startWorker(t, honest(false))
	g := newRig(t, []string{keep.url(), prefork.url(), refusing(t)}, func(_ *Config, p *routing.Pool) {
		// A slow machine is no part of this test.
		p.Timeouts = routing.Timeouts{Dial: time.Minute, Response: time.Minute}
		p.Health.Timeout = time.Minute
	})
	g.run()
	var stop atomic.Bool
	var background, clients sync.WaitGroup
	background.Go(func() {
		for i := 0; !stop.Load(); i++ {
			next := *g.pool
			next.Digest = fmt.Sprint(i)
			next.Backends = append([]routing.Backend(nil), g.pool.Backends...)
			if i%3 == 0 {
				next.Backends = next.Backends[:2]
			}
			g.Apply(map[string]*routing.Pool{"pool": &next})
			<-time.After(5 * time.Millisecond)
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var failures atomic.Int64
	for i := range 8 {
		clients.Go(func() {
			chance := rand.New(rand.NewPCG(1, uint64(i)))
			for range 20 {
				if !exchangeOnce(t, transport, g.front.URL, chance) {
					failures.Add(1)
				}
			}
		})
	}
	clients.Wait()
	stop.Store(true)
	background.Wait()
	if n := failures.Load(); n > 0 {
		t.Errorf("%d of 160 requests failed, with two good backends all the time", n)
	}
	eventually(t, "all is quiet", func() bool {
		for _, b := range g.Status()[0].Backends {
			if b.InFlight != 0 {
				return false
			}
		}
		return !g.spooling()
	})
}

func exchangeOnce(t *testing.T, transport http.RoundTripper, front string, chance *rand.Rand) bool {
	size := []int{0, 10, 5000, 32 << 10, 40_000, 1200 << 10}[chance.IntN(6)]
	upload := strings.Repeat("x", []int{0, 100, 9000, 50_000, 1100 << 10}[chance.IntN(5)])
	r, err := http.NewRequest("POST", fmt.Sprintf("%s/web/%d", front, size), strings.NewReader(upload))
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header.Set("X-Test-Session", fmt.Sprint(chance.IntN(5)))
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Log(err)
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		t.Log(response.StatusCode, string(body), err)
		return false
	}
	sum := sha256.Sum256([]byte(upload))
	if len(body) != size || response.Header.Get("X-Sum") != hex.EncodeToString(sum[:]) {
		t.Errorf("asked for %d bytes and got %d, or the body of %d bytes did not arrive", size, len(body), len(upload))
	}
	return true
}
