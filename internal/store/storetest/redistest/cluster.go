package redistest

import (
	"fmt"
	"strings"
	"testing"
)

// Cluster is three servers that share the keys.
type Cluster struct{ Nodes []*Server }

const slots = 16384

// StartCluster starts a cluster of three primaries without replicas; args are added to each
// command line.
func StartCluster(t testing.TB, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range 3 {
		ports := freePorts(t, 2)
		node := startAt(t, ports[0], "", append([]string{
			"--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(ports[1]), "--cluster-node-timeout", "2000",
		}, args...)...)
		node.bus = ports[1]
		c.Nodes = append(c.Nodes, node)
	}
	each := slots / len(c.Nodes)
	for i, n := range c.Nodes {
		last := (i+1)*each - 1
		if i == len(c.Nodes)-1 {
			last = slots - 1
		}
		n.Do("CLUSTER", "ADDSLOTSRANGE", i*each, last)
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		host, port, _ := strings.Cut(n.Addr, ":")
		c.Nodes[0].Do("CLUSTER", "MEET", host, port, n.bus)
	}
	for _, n := range c.Nodes {
		Eventually(t, startWait, "the cluster does not form", func() bool {
			text, _ := n.Do("CLUSTER", "INFO").(string)
			return strings.Contains(text, "cluster_state:ok") && strings.Contains(text, "cluster_known_nodes:3") &&
				strings.Contains(text, fmt.Sprintf("cluster_slots_ok:%d", slots))
		})
	}
	return c
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() []string {
	var out []string
	for _, n := range c.Nodes {
		out = append(out, n.Addr)
	}
	return out
}

// Move moves one slot to a node, and leaves it there.
func (c *Cluster) Move(slot int, to *Server) {
	id := to.Do("CLUSTER", "MYID")
	for _, n := range append([]*Server{to}, c.Nodes...) {
		n.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
	}
}

// Slot is where a key belongs.
func (c *Cluster) Slot(key string) int {
	return int(c.Nodes[0].Do("CLUSTER", "KEYSLOT", key).(int64))
}

// Owner is the node that keeps a key.
func (c *Cluster) Owner(key string) *Server {
	slot := c.Slot(key)
	each := slots / len(c.Nodes)
	return c.Nodes[min(slot/each, len(c.Nodes)-1)]
}
