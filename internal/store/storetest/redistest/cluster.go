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
		c.join(t, ports[0], ports[0], ports[1], args)
	}
	c.form(t)
	return c
}

// StartTLSCluster is StartCluster over TLS, whose files args name. TLSAddrs has the addresses.
func StartTLSCluster(t testing.TB, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range 3 {
		ports := freePorts(t, 3)
		tls := []string{"--tls-cluster", "yes", "--tls-port", fmt.Sprint(ports[1])}
		c.join(t, ports[0], ports[1], ports[2], append(tls, args...))
	}
	c.form(t)
	return c
}

// join starts one more node. Its peers know it by meet, and talk to it at bus.
func (c *Cluster) join(t testing.TB, port, meet, bus int, args []string) {
	t.Helper()
	n := startAt(t, port, "", append([]string{
		"--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus), "--cluster-node-timeout", "2000",
	}, args...)...)
	n.meet, n.bus = meet, bus
	c.Nodes = append(c.Nodes, n)
}

// form divides the slots and waits until all nodes know each other.
func (c *Cluster) form(t testing.TB) {
	t.Helper()
	each := slots / len(c.Nodes)
	for i, n := range c.Nodes {
		last := (i+1)*each - 1
		if i == len(c.Nodes)-1 {
			last = slots - 1
		}
		n.Do("CLUSTER", "ADDSLOTSRANGE", i*each, last)
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		c.Nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", n.meet, n.bus)
	}
	for _, n := range c.Nodes {
		Eventually(t, startWait, "the cluster does not form", func() bool {
			text, _ := n.Do("CLUSTER", "INFO").(string)
			return strings.Contains(text, "cluster_state:ok") && strings.Contains(text, "cluster_known_nodes:3") &&
				strings.Contains(text, fmt.Sprintf("cluster_slots_ok:%d", slots))
		})
	}
}

// TLSAddrs are the addresses of all nodes over TLS.
func (c *Cluster) TLSAddrs() []string {
	var out []string
	for _, n := range c.Nodes {
		out = append(out, fmt.Sprintf("127.0.0.1:%d", n.meet))
	}
	return out
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
