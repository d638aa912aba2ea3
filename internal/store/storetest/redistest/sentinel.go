package redistest

import (
	"fmt"
	"strings"
	"testing"
)

// Sentinels watch a primary and its replica.
type Sentinels struct {
	Master  string
	Primary *Server
	Replica *Server
	Nodes   []*Server
}

// StartSentinels starts a primary, its replica and three sentinels that replace the primary
// about a second after it is gone.
func StartSentinels(t testing.TB) *Sentinels {
	t.Helper()
	s := &Sentinels{Master: "sluice", Primary: Start(t)}
	host, port, _ := strings.Cut(s.Primary.Addr, ":")
	s.Replica = Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	Eventually(t, startWait, "the replica does not follow", func() bool {
		return s.Replica.Info("master_link_status") == "up"
	})
	for range 3 {
		n := start(t, "sentinel")
		_, own, _ := strings.Cut(n.Addr, ":")
		conf := n.write("sentinel.conf", fmt.Sprintf(`port %s
bind 127.0.0.1
dir %s
sentinel monitor %s %s %s 2
sentinel down-after-milliseconds %s 500
sentinel failover-timeout %s 3000
`, own, n.dir, s.Master, host, port, s.Master, s.Master))
		n.args = []string{conf, "--sentinel"}
		n.Start()
		s.Nodes = append(s.Nodes, n)
	}
	for _, n := range s.Nodes {
		Eventually(t, startWait, "the sentinels do not find each other", func() bool {
			text := fmt.Sprint(n.Do("SENTINEL", "MASTER", s.Master))
			return strings.Contains(text, "num-other-sentinels:2") && strings.Contains(text, "num-slaves:1")
		})
	}
	return s
}

// Addrs are the addresses of the sentinels.
func (s *Sentinels) Addrs() []string {
	var out []string
	for _, n := range s.Nodes {
		out = append(out, n.Addr)
	}
	return out
}
