package redis

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// keyAt returns a pin's key that a node keeps.
func keyAt(c *redistest.Cluster, node *redistest.Server, name string) string {
	for i := 0; ; i++ {
		key := fmt.Sprint(name, i)
		if c.Owner(pinKey("acme", key)) == node {
			return key
		}
	}
}

func TestClusterFollowsSlots(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	bounds := patient()
	bounds.Probe = time.Minute // so that nothing is learnt but from replies
	s := running(t, Config{Cluster: c.Addrs(), Bounds: bounds})
	ready(t, s)
	put := func(key string) error {
		_, err := s.PutPin(t.Context(), "acme", key, "v", 1, time.Minute)
		return err
	}

	t.Run("a slot that moved", func(t *testing.T) {
		key := keyAt(c, c.Nodes[0], "moved")
		c.Move(c.Slot(pinKey("acme", key)), c.Nodes[2])
		if err := put(key); err != nil {
			t.Fatal(err)
		}
		if got := c.Nodes[2].Do("GET", pinKey("acme", key)); got != "1:v" {
			t.Errorf("the new node has %v", got)
		}
	})
	t.Run("a slot that is moving", func(t *testing.T) {
		key := keyAt(c, c.Nodes[0], "moving")
		slot := c.Slot(pinKey("acme", key))
		c.Nodes[1].Do("CLUSTER", "SETSLOT", slot, "IMPORTING", c.Nodes[0].Do("CLUSTER", "MYID"))
		c.Nodes[0].Do("CLUSTER", "SETSLOT", slot, "MIGRATING", c.Nodes[1].Do("CLUSTER", "MYID"))
		if err := put(key); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Pin(t.Context(), "acme", key); got != "v" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if n := c.Nodes[1].Do("CLUSTER", "COUNTKEYSINSLOT", slot); n != int64(1) {
			t.Errorf("the new node has %v keys of the slot", n)
		}
		c.Move(slot, c.Nodes[1])
	})
	t.Run("many keys in one round trip", func(t *testing.T) {
		var refs []store.PinRef
		for i := range 60 {
			key := fmt.Sprint("many", i)
			if err := put(key); err != nil {
				t.Fatal(err)
			}
			refs = append(refs, store.PinRef{Tenant: "acme", Key: key})
		}
		c.Move(c.Slot(pinKey("acme", keyAt(c, c.Nodes[0], "many"))), c.Nodes[0])
		if err := s.TouchPins(t.Context(), refs, time.Hour); err != nil {
			t.Fatal(err)
		}
		for _, ref := range refs {
			key := pinKey(ref.Tenant, ref.Key)
			if left, _ := c.Owner(key).Do("PTTL", key).(int64); left < time.Minute.Milliseconds() {
				t.Errorf("%s has %d ms left", key, left)
			}
		}
	})
	t.Run("a node that starts without its scripts", func(t *testing.T) {
		for _, n := range c.Nodes {
			n.Do("SCRIPT", "FLUSH")
		}
		for _, n := range c.Nodes {
			if err := put(keyAt(c, n, "scripts")); err != nil {
				t.Error(err)
			}
		}
	})
	if !s.Healthy() {
		t.Error("a cluster that moves slots is not healthy")
	}
}

// Following each call to where its slot went costs a round trip: the table is read again.
func TestClusterLearnsFromRedirects(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	bounds := patient()
	bounds.Probe = 25 * time.Second // looks every 5 s, asks for the table every 125
	s := running(t, Config{Cluster: c.Addrs(), Bounds: bounds})
	ready(t, s)
	key := pinKey("acme", keyAt(c, c.Nodes[0], "moved"))
	c.Move(c.Slot(key), c.Nodes[2])
	if _, err := s.PutPin(t.Context(), "acme", strings.TrimPrefix(key, pinKey("acme", "")), "v", 1, time.Minute); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, 20*time.Second, "the table is not read again", func() bool {
		return s.servers.known(key).name == c.Nodes[2].Addr
	})
}

// One lost shard must not slow down the keys of the others.
func TestClusterLosesANode(t *testing.T) {
	c := redistest.StartCluster(t, "--cluster-require-full-coverage", "no")
	bounds := lenient()
	bounds.Probe = 200 * time.Millisecond
	s := running(t, Config{Cluster: c.Addrs(), Bounds: bounds})
	ready(t, s)
	lost, kept := keyAt(c, c.Nodes[1], "k"), keyAt(c, c.Nodes[2], "k")
	get := func(key string) error { _, err := s.Pin(t.Context(), "acme", key); return err }

	c.Nodes[1].Freeze()
	redistest.Eventually(t, 10*time.Second, "the loss is not noticed", func() bool { return errors.Is(get(lost), store.ErrUnavailable) })
	if s.Healthy() {
		t.Error("a cluster without one of its nodes passes for healthy")
	}
	failed := 0
	start := time.Now()
	for range 500 {
		if get(kept) != nil {
			failed++
		}
		if err := get(lost); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if each := time.Since(start) / 500; each > 10*time.Millisecond || failed > 5 {
		t.Errorf("beside a lost node a call takes %s, and %d of 500 failed", each, failed)
	}
	c.Nodes[1].Thaw()
	ready(t, s)
	redistest.Eventually(t, 10*time.Second, "the node is not used again", func() bool { return get(lost) == nil })
}

func TestClusterIsFoundLater(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	nobody := fmt.Sprintf("127.0.0.1:%d", redistest.FreePort(t))
	bounds := patient()
	bounds.Probe = 100 * time.Millisecond
	s := running(t, Config{Cluster: []string{nobody, c.Addrs()[1]}, Bounds: bounds})
	ready(t, s)

	for _, n := range c.Nodes {
		n.Freeze()
	}
	redistest.Eventually(t, 20*time.Second, "a lost cluster passes for healthy", func() bool { return !s.Healthy() })
	for _, n := range c.Nodes {
		n.Thaw()
	}
	redistest.Eventually(t, 20*time.Second, "a cluster that is back is not used", func() bool {
		_, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute)
		return err == nil && s.Healthy()
	})
}

func TestNoClusterYet(t *testing.T) {
	nobody := fmt.Sprintf("127.0.0.1:%d", redistest.FreePort(t))
	s := running(t, Config{Cluster: []string{nobody}, Bounds: strict()})
	for range 10 {
		d, err := took(func() error { _, err := s.Pin(t.Context(), "acme", "k"); return err })
		if !errors.Is(err, store.ErrUnavailable) || d > strict().Call+slack {
			t.Fatalf("%s, %v", d, err)
		}
	}
	if s.Healthy() {
		t.Error("nobody is healthy")
	}
}

func TestAddressesWithoutHost(t *testing.T) {
	for address, want := range map[string]string{":7001": "10.0.0.1:7001", "10.0.0.2:7001": "10.0.0.2:7001", "[::1]:7001": "[::1]:7001", "odd": "odd"} {
		if got := complete(address, "10.0.0.1:7000"); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	if got := complete(":7001", "[fe80::1]:7000"); !strings.HasPrefix(got, "[fe80::1]") {
		t.Errorf("got %s", got)
	}
}
