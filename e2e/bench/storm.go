package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

const (
	stormDatabases = 50
	stormPace      = 500 // handshakes a second, as the pool allows
)

// storm: a server with thousands of idle sockets is taken out, and every browser comes back
// at once, which is worse than browsers are. What a socket costs, how they are closed, and
// what reaches the server that takes over.
func (b *bench) storm() {
	count := 9000
	if b.short {
		count = 500
	}
	b.printf("\n## %d sockets move\n\nOne process, %d databases. The server is taken out of the pool; each client reconnects at once and tries again after 200 ms when it is sent away. The pool allows %d handshakes a second.\n", count, stormDatabases, stormPace)
	old, next := b.backend(false), b.backend(false)
	pool := func(name, addr string) string {
		return harness.Pool("shared", []harness.Backend{{Name: name, HTTP: addr}}, fmt.Sprintf("realtime: {handshakes: %d/s, drain: 30s}", stormPace))
	}
	documents := map[string]string{"pool.yaml": pool("old", old)}
	for i := range stormDatabases {
		name := fmt.Sprintf("t%d", i)
		documents[name+".yaml"] = harness.Tenant(name, name, "shared", []string{name + ".bench.test"})
	}
	g := harness.StartGateway(b, harness.GatewayConfig{}, documents)
	b.waitFor(g.Web)
	before := g.Usage(b).RSS
	s := &crowdOfSockets{addr: g.Web}
	s.open(count)
	if s.failed > 0 {
		b.Fatalf("%d of %d sockets were not opened: %v", s.failed, count, s.why)
	}
	<-time.After(b.duration) // the garbage of the handshakes goes with the next collections
	after := g.Usage(b).RSS
	s.watch()
	begun := time.Now()
	g.Write(b, "tenants/pool.yaml", pool("new", next))
	s.group.Wait()
	b.printf("\n| sockets | KiB/socket | closed with 1012 | other codes | closed within | all back after | most handshakes in a second | sent away meanwhile | lost |\n|---|---|---|---|---|---|---|---|---|\n")
	b.printf("| %d | %.1f | %d | %d | %v | %v | %d | %d | %d |\n", count, float64(after-before)/1024/float64(count), s.codes[1012], count-s.codes[1012],
		last(s.closed).Sub(begun).Round(100*time.Millisecond), last(s.back).Sub(begun).Round(100*time.Millisecond), busiestSecond(s.back), s.away, s.failed)
}

// crowdOfSockets are the clients.
type crowdOfSockets struct {
	addr  string
	group sync.WaitGroup
	conns []net.Conn

	mu           sync.Mutex
	codes        map[int]int
	closed, back []time.Time
	away, failed int
	why          error
}

// open opens so many sockets, a hundred at a time.
func (s *crowdOfSockets) open(count int) {
	s.conns = make([]net.Conn, count)
	var group sync.WaitGroup
	numbers := make(chan int)
	for range 100 {
		group.Go(func() {
			for i := range numbers {
				s.conns[i] = s.knock(i)
			}
		})
	}
	for i := range count {
		numbers <- i
	}
	close(numbers)
	group.Wait()
}

// knock comes again for as long as it is sent away.
func (s *crowdOfSockets) knock(i int) net.Conn {
	host := fmt.Sprintf("t%d.bench.test", i%stormDatabases)
	for tries := 0; ; tries++ {
		// Spread over loopback addresses, or the ports of one would run out.
		conn, err := openSocket(fmt.Sprintf("127.0.0.%d", 2+i/1000), s.addr, host)
		if err == nil {
			_ = conn.SetDeadline(time.Time{})
			return conn
		}
		s.mu.Lock()
		s.away++
		if tries > 300 {
			s.failed, s.why = s.failed+1, err
		}
		s.mu.Unlock()
		if tries > 300 {
			return nil
		}
		<-time.After(200 * time.Millisecond)
	}
}

// watch notes how each socket ends, and reconnects.
func (s *crowdOfSockets) watch() {
	s.codes = map[int]int{}
	for i, conn := range s.conns {
		s.group.Go(func() {
			code := closeCode(conn)
			s.mu.Lock()
			s.codes[code]++
			s.closed = append(s.closed, time.Now())
			s.mu.Unlock()
			conn.Close()
			again := s.knock(i)
			if again == nil {
				return
			}
			s.mu.Lock()
			s.back = append(s.back, time.Now())
			s.mu.Unlock()
			defer again.Close()
			<-time.After(time.Second)
		})
	}
}

// closeCode reads one close frame; 1006 is the word for an end without one.
func closeCode(conn net.Conn) int {
	var frame [4]byte
	if _, err := io.ReadFull(conn, frame[:]); err != nil || frame[0] != 0x88 {
		return 1006
	}
	return int(frame[2])<<8 | int(frame[3])
}

func last(moments []time.Time) time.Time {
	if len(moments) == 0 {
		return time.Time{}
	}
	return slices.MaxFunc(moments, time.Time.Compare)
}

func busiestSecond(moments []time.Time) int {
	slices.SortFunc(moments, time.Time.Compare)
	most, from := 0, 0
	for i, at := range moments {
		for at.Sub(moments[from]) > time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}
