package harness

import "testing"

func TestRedisTopologiesComeUp(t *testing.T) {
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := StartSentinels(t)
		s.Primary.Do(t, "SET", "a", "1")
		if got := s.Primary.Do(t, "WAIT", 1, 5000); got != int64(1) {
			t.Errorf("%v replicas have it", got)
		}
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := StartCluster(t)
		if got := c.Primaries[0].Do(t, "CLUSTER", "COUNTKEYSINSLOT", 0); got != int64(0) {
			t.Errorf("got %v", got)
		}
	})
}

func TestToxicSpoilsAndHeals(t *testing.T) {
	redis := StartRedis(t)
	toxic := StartToxic(t, redis.Addr)
	ping := func() error {
		_, err := redisDo(toxic.Addr, Patience/100, "PING")
		return err
	}
	if err := ping(); err != nil {
		t.Fatal(err)
	}
	toxic.Add(t, "silence", "timeout", map[string]int{"timeout": 0})
	if ping() == nil {
		t.Error("answered through a toxic that swallows answers")
	}
	toxic.Remove(t, "silence")
	toxic.Refuse(t, true)
	if ping() == nil {
		t.Error("answered while refused")
	}
	toxic.Refuse(t, false)
	redis.Freeze(t)
	if ping() == nil {
		t.Error("answered while frozen")
	}
	redis.Thaw(t)
	if err := ping(); err != nil {
		t.Error(err)
	}
}
