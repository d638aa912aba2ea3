package standin

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestLoadCountsWhoIsServedAtOnce: requests at the HTTP workers by database, whatever the rule
// that answers them; health checks and the realtime process use no worker and do not count.
func TestLoadCountsWhoIsServedAtOnce(t *testing.T) {
	s := start(t, Config{Workers: 8, Databases: []string{"a", "b"}, DBFilter: "^%d$"})
	apply(t, s, Control{Rules: &[]*Rule{{Path: "/", Hang: true}}})
	hung := func(addr, host, path string) {
		io.WriteString(dial(t, addr), "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	}
	for range 3 {
		hung(s.HTTPAddr(), "a.example", "/web")
	}
	hung(s.HTTPAddr(), "b.example", "/jsonrpc")
	hung(s.HTTPAddr(), "b.example", "/web/health")
	hung(s.RealtimeAddr(), "b.example", "/longpolling/poll")
	eventually(t, "all are under way", func() bool { return s.Counters().Faults == 6 && s.Counters().Load.Now == 4 })
	apply(t, s, Control{Rules: &[]*Rule{}})
	eventually(t, "all have ended", func() bool { return s.Counters().Load.Now == 0 })
	counts := s.Counters().Load
	want(t, "most at once", counts.Most, 4)
	want(t, "most of a", counts.Databases["a"].Most, 3)
	want(t, "most of b", counts.Databases["b"].Most, 1)
	apply(t, s, Control{ResetLoad: true})
	want(t, "after a reset", s.Counters().Load.Most, 0)
}

// TestLoadCountsHandshakes: in all, at once and in a second.
func TestLoadCountsHandshakes(t *testing.T) {
	s := start(t, Config{Workers: 1, Databases: []string{"a", "b"}, DBFilter: "^%d$", RegistryTime: registryLoad})
	var group sync.WaitGroup
	shake := func(host string) {
		group.Go(func() {
			text := strings.Replace(handshake, "Host: a.example", "Host: "+host, 1)
			a := raw(t, s.RealtimeAddr(), "GET /websocket HTTP/1.1\r\n"+text+"\r\n")
			want(t, host, a.StatusCode, http.StatusSwitchingProtocols)
		})
	}
	for range 4 {
		shake("a.example")
	}
	shake("b.example")
	group.Wait()
	counts := s.Counters()
	want(t, "handshakes", counts.Load.Handshakes, 5)
	want(t, "in a second", counts.Load.HandshakesPerSecond, 5)
	want(t, "of a", counts.Load.Databases["a"].Handshakes, 4)
	want(t, "of a at once", counts.Load.Databases["a"].HandshakesAtOnce, 4)
	want(t, "of a before it was loaded", counts.Registries["realtime"]["a"].Early, 4)
	want(t, "of b before it was loaded", counts.Registries["realtime"]["b"].Early, 1)
}

// TestLoadCountsWhoLeft: a request whose client goes before its answer is ready.
func TestLoadCountsWhoLeft(t *testing.T) {
	for left := range 3 {
		t.Run(fmt.Sprint(left, " leave"), func(t *testing.T) {
			s := start(t, Config{Workers: 4})
			apply(t, s, Control{Rules: &[]*Rule{{Path: "/web/login", Delay: 0.2}}})
			var group sync.WaitGroup
			for i := range 3 {
				conn := dial(t, s.HTTPAddr())
				io.WriteString(conn, "GET /web/login HTTP/1.1\r\nHost: x\r\n\r\n")
				if i < left {
					conn.Close()
					continue
				}
				group.Go(func() {
					if text, err := io.ReadAll(conn); err != nil || len(text) == 0 {
						t.Errorf("who stayed got %d bytes, %v", len(text), err)
					}
				})
			}
			group.Wait()
			eventually(t, "all have ended", func() bool { return s.Counters().Workers.Connections == 3 })
			want(t, "who left", s.Counters().Load.Left, left)
		})
	}
}
