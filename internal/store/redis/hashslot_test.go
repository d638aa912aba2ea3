package redis

import (
	"strings"
	"testing"

	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

func TestHashSlot(t *testing.T) {
	server := redistest.Start(t, "--cluster-enabled", "yes")
	for _, key := range []string{
		"", "a", "123456789", pinKey("acme", "dGhlIGtleQ"), slotsKey("p/b@127.0.0.1:8069"), replicasKey,
		"{acme}:a", "x{acme}y", "{}acme", "a{}{b}", "{{a}}", "{a", "a}b{c}", "{a}{b}", strings.Repeat("long", 100), "\xff\x00",
	} {
		if want := server.Do("CLUSTER", "KEYSLOT", key); int64(hashSlot(key)) != want {
			t.Errorf("%q: got %d, Redis says %v", key, hashSlot(key), want)
		}
	}
}
