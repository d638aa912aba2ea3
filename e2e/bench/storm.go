package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

const (
	stormDatabases = 100
	stormPace      = 500 // handshakes a second, as the pool allows
	stormRegistry  = 200 * time.Millisecond
)

// storm: thousands of idle sockets in one process. What one costs; and what reaches Odoo when
// all of them end at once, for each of the ways in which that happens.
func (b *bench) storm() {
	count := 9000
	if b.short {
		count = 500
	}
	b.printf("\n## %d sockets\n\nOne process, %d databases; a stand-in takes %v to load one. Clients whose socket ends come back at once, which is worse than browsers are, and again after 200 ms when they are sent away. The pool allows %d handshakes a second.\n",
		count, stormDatabases, stormRegistry, stormPace)
	old, next := b.stormServer("old"), b.stormServer("new")
	documents := map[string]string{"pool.yaml": stormPool(old)}
	for i := range stormDatabases {
		name := fmt.Sprintf("t%d", i)
		documents[name+".yaml"] = harness.Tenant(name, name, "shared", []string{name + ".bench.test"})
	}
	g := harness.StartGateway(b, harness.GatewayConfig{}, documents)
	b.waitFor(g.Web)
	before := g.Usage(b)
	s := &crowdOfSockets{addr: g.Web}
	defer s.leave()
	begun := time.Now()
	s.open(count)
	if s.failed > 0 {
		b.Fatalf("%d of %d sockets were not opened: %v", s.failed, count, s.why)
	}
	opened := time.Since(begun)
	<-time.After(b.duration) // the garbage of the handshakes goes with the next collections
	after := g.Usage(b)
	b.printf("\n| sockets | KiB/socket | RSS MB before | after | file descriptors | all open after |\n|---|---|---|---|---|---|\n")
	b.printf("| %d | %.1f | %d | %d | %d | %v |\n", count, float64(after.RSS-before.RSS)/1024/float64(count), before.RSS>>20, after.RSS>>20, after.FDs, opened.Round(100*time.Millisecond))
	b.printf("\n| what happens | ended with 1012 | with 1000 or 4002 | without a word | the last ended after | all back after | handshakes at Odoo | most in a second | databases loaded | most that came for one before it was loaded | sent away meanwhile | lost |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	b.stormRow("the server is taken out of the pool", s, next, func() { g.Write(b, "tenants/pool.yaml", stormPool(next)) })
	b.stormRow("its realtime process restarts within 0.5 s", s, next, func() { next.Tell(b, `{"restart_gevent": 0.5}`) })
	b.stormRow("a balancer in front cuts all of them", s, next, s.cut)
	b.printf("\nResident memory at most: %d MB, with up to %d handshakes waiting for their turn.\n", g.Usage(b).Peak>>20, min(count, 15*stormPace))
}

func (b *bench) stormServer(name string) *harness.StandIn {
	var databases []string
	for i := range stormDatabases {
		databases = append(databases, fmt.Sprintf("t%d", i))
	}
	return harness.StartStandIn(b, harness.StandInConfig{Name: name, Databases: strings.Join(databases, ","), Args: []string{
		"-db-filter", "^%d$", "-registry-time", stormRegistry.String(), "-websocket-idle", "1h",
	}})
}

func stormPool(s *harness.StandIn) string {
	return harness.Pool("shared", []harness.Backend{{Name: s.Name, HTTP: s.HTTP, Realtime: s.Realtime}}, fmt.Sprintf("realtime: {handshakes: %d/s, drain: 30s}", stormPace))
}

// stormRow has something happen to all sockets and prints what became of them.
func (b *bench) stormRow(what string, s *crowdOfSockets, odoo *harness.StandIn, happens func()) {
	odoo.Tell(b, `{"reset_load": true, "forget_loaded": true}`)
	s.watch()
	begun := time.Now()
	happens()
	s.group.Wait()
	c := odoo.Counters(b)
	most := 0
	for _, r := range c.Registries["realtime"] {
		most = max(most, r.Early)
	}
	since := func(moments []time.Time) time.Duration { return last(moments).Sub(begun).Round(100 * time.Millisecond) }
	b.printf("| %s | %d | %d | %d | %v | %v | %d | %d | %d | %d | %d | %d |\n", what, s.codes[1012], s.codes[1000]+s.codes[4002], s.codes[1006],
		since(s.ended), since(s.back), c.Load.Handshakes, c.Load.HandshakesPerSecond, len(c.Registries["realtime"]), most, s.away, s.failed)
}

// crowdOfSockets are the clients.
type crowdOfSockets struct {
	addr  string
	group sync.WaitGroup
	conns []net.Conn // each its client's own while that one runs

	mu           sync.Mutex
	codes        map[int]int
	ended, back  []time.Time
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

// watch notes how each socket ends, and reconnects once.
func (s *crowdOfSockets) watch() {
	s.codes, s.ended, s.back, s.away, s.failed = map[int]int{}, nil, nil, 0, 0
	for i, conn := range s.conns {
		if conn == nil {
			continue
		}
		s.group.Go(func() {
			code := closeCode(conn)
			s.note(func() { s.codes[code]++; s.ended = append(s.ended, time.Now()) })
			conn.Close()
			if s.conns[i] = s.knock(i); s.conns[i] != nil {
				s.note(func() { s.back = append(s.back, time.Now()) })
			}
		})
	}
}

func (s *crowdOfSockets) note(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
}

// cut ends all connections without a word.
func (s *crowdOfSockets) cut() {
	for _, conn := range slices.Clone(s.conns) {
		if conn != nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.(*net.TCPConn).CloseRead() // the reader closes it
		}
	}
}

func (s *crowdOfSockets) leave() {
	for _, conn := range s.conns {
		if conn != nil {
			conn.Close()
		}
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
