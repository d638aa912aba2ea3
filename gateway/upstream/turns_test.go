package upstream

import (
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

func TestReplicasShareTheTurns(t *testing.T) {
	own := routing.Realtime{Handshakes: 100, Concurrency: 10, ColdDatabases: 1, Wait: 10 * time.Second}
	for name, tc := range map[string]struct {
		pool     routing.Realtime
		replicas int
		want     turns
	}{
		"nothing is said": {routing.Realtime{}, 1, turns{gap: 20 * time.Millisecond, concurrency: 32, cold: 4, wait: 15 * time.Second, queue: 750}},
		"what is said":    {own, 1, turns{gap: 10 * time.Millisecond, concurrency: 10, cold: 1, wait: 10 * time.Second, queue: 1000}},
		"one of four":     {own, 4, turns{gap: 40 * time.Millisecond, concurrency: 3, cold: 1, wait: 10 * time.Second, queue: 250}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := turnsOf(tc.pool, tc.replicas); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
