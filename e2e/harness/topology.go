package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Sentinels are a primary, its replica and three sentinels that watch over them.
type Sentinels struct {
	Primary, Replica *Redis
	Addrs            []string
}

const primaryName = "sluice"

// StartSentinels starts them and waits until they know one another.
func StartSentinels(t testing.TB) *Sentinels {
	t.Helper()
	s := &Sentinels{Primary: StartRedis(t)}
	host, port := hostPort(s.Primary.Addr)
	s.Replica = StartRedis(t, "--replicaof", host+" "+port)
	Eventually(t, Patience, "the replica follows", func() error {
		if s.Primary.Info(t, "replication")["connected_slaves"] != "1" || s.Replica.Info(t, "replication")["master_link_status"] != "up" {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	for range 3 {
		s.Addrs = append(s.Addrs, startSentinel(t, host, port))
	}
	Eventually(t, Patience, "the sentinels know one another and the replica", func() error {
		for _, addr := range s.Addrs {
			answer, err := redisDo(addr, time.Second, "SENTINEL", "CKQUORUM", primaryName)
			if err != nil {
				return err
			}
			if !strings.Contains(fmt.Sprint(answer), "3 usable") {
				return fmt.Errorf("%s: %v", addr, answer)
			}
			replicas, err := redisDo(addr, time.Second, "SENTINEL", "REPLICAS", primaryName)
			if list, ok := replicas.([]any); err != nil || !ok || len(list) != 1 {
				return fmt.Errorf("%s: replicas %v, %v", addr, replicas, err)
			}
		}
		return nil
	})
	return s
}

func startSentinel(t testing.TB, host, port string) string {
	t.Helper()
	own := FreePort(t)
	dir := t.TempDir()
	// A sentinel rewrites its own file.
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s %s %s 2\n", own, dir, primaryName, host, port) +
		fmt.Sprintf("sentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 5000\nsentinel parallel-syncs %[1]s 1\n", primaryName)
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	Start(t, Command{Name: "sentinel", Path: redisServer(t), Args: []string{file, "--sentinel"}, Dir: dir})
	addr := LocalAddr(own)
	Eventually(t, Patience, "the sentinel answers", func() error {
		_, err := redisDo(addr, time.Second, "PING")
		return err
	})
	return addr
}

// Store is the part of a gateway's install settings that names them.
func (s *Sentinels) Store() string {
	return fmt.Sprintf("  store: {redis: {sentinel: {master: %s, addresses: [%s]}}}\n", primaryName, quoted(s.Addrs))
}

// Cluster is a Redis Cluster of three primaries, each with a replica.
type Cluster struct {
	Primaries, Replicas []*Redis // Replicas[i] follows Primaries[i]
}

// StartCluster starts one and waits until all of it agrees.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range 6 {
		node := StartRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-port", strconv.Itoa(FreePort(t)), "--cluster-replica-validity-factor", "0")
		if i < 3 {
			c.Primaries = append(c.Primaries, node)
		} else {
			c.Replicas = append(c.Replicas, node)
		}
	}
	const slots = 16384
	for i, node := range c.Primaries {
		node.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		node.Do(t, "CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1)
	}
	first := c.Primaries[0]
	for _, node := range c.all()[1:] {
		host, port := hostPort(node.Addr)
		first.Do(t, "CLUSTER", "MEET", host, port, busPort(t, node))
	}
	for i, node := range c.Replicas {
		id := c.Primaries[i].Do(t, "CLUSTER", "MYID")
		Eventually(t, Patience, "a replica follows", func() error {
			_, err := node.Try("CLUSTER", "REPLICATE", id)
			return err
		})
	}
	c.WaitReady(t)
	return c
}

// WaitReady polls until every node that runs serves, and each primary has its replica.
func (c *Cluster) WaitReady(t testing.TB) {
	t.Helper()
	Eventually(t, Patience, "the cluster agrees", func() error {
		for _, node := range c.all() {
			if !node.Running() {
				continue
			}
			text, err := node.Try("CLUSTER", "INFO")
			if err != nil || !strings.Contains(fmt.Sprint(text), "cluster_state:ok") {
				return fmt.Errorf("%s: %v %v", node.Addr, err, text)
			}
		}
		for _, node := range c.Replicas {
			info := node.Info(t, "replication")
			if info["role"] == "slave" && info["master_link_status"] != "up" {
				return fmt.Errorf("%s does not follow", node.Addr)
			}
		}
		return nil
	})
}

// Store is the part of a gateway's install settings that names it.
func (c *Cluster) Store() string {
	var addrs []string
	for _, node := range c.Primaries {
		addrs = append(addrs, node.Addr)
	}
	return fmt.Sprintf("  store: {redis: {cluster: [%s]}}\n", quoted(addrs))
}

func (c *Cluster) all() []*Redis { return append(append([]*Redis(nil), c.Primaries...), c.Replicas...) }

func busPort(t testing.TB, node *Redis) string {
	t.Helper()
	answer := node.Do(t, "CONFIG", "GET", "cluster-port").([]any)
	return fmt.Sprint(answer[1])
}

func hostPort(addr string) (host, port string) {
	host, port, _ = strings.Cut(addr, ":")
	return host, port
}

func quoted(addrs []string) string {
	var all []string
	for _, addr := range addrs {
		all = append(all, strconv.Quote(addr))
	}
	return strings.Join(all, ", ")
}

func redisServer(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("redis-server is not installed (make deps): %v", err)
	}
	return path
}
