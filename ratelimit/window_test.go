package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

func TestQuotasFollowTheCalendar(t *testing.T) {
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		quota ratelimit.Quota
		start string // when the quota is spent
		reset time.Duration
	}{
		"an hour ends at the full hour":       {ratelimit.Quota{Window: ratelimit.Hour}, "2026-03-01T10:59:00Z", time.Minute},
		"a day ends at midnight UTC":          {ratelimit.Quota{Window: ratelimit.Day}, "2026-03-01T22:00:00Z", 2 * time.Hour},
		"or at midnight where it says":        {ratelimit.Quota{Window: ratelimit.Day, Zone: brussels}, "2026-03-01T22:00:00Z", time.Hour},
		"a day without 02:30 has 23 hours":    {ratelimit.Quota{Window: ratelimit.Day, Zone: brussels}, "2026-03-28T23:00:00Z", 23 * time.Hour},
		"a month ends with its last day":      {ratelimit.Quota{Window: ratelimit.Month}, "2028-02-28T00:00:00Z", 48 * time.Hour},
		"the hour that comes twice, does not": {ratelimit.Quota{Window: ratelimit.Hour, Zone: brussels}, "2026-10-25T00:30:00Z", 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, err := time.Parse(time.RFC3339, c.start)
				if err != nil {
					t.Fatal(err)
				}
				shift := time.Until(start)
				l := ratelimit.New(ratelimit.Config{Now: func() time.Time { return time.Now().Add(shift) }})
				c.quota.Limit = 3
				p := &ratelimit.Policy{Name: "p", Quotas: []ratelimit.Quota{c.quota}}
				if got := admitted(l, p, "a", 10); got != 3 {
					t.Fatalf("%d pass, want 3", got)
				}
				d := take(l, p, "a", 1)
				if d.Allowed || d.RetryAfter != c.reset || d.Levels[0].Reset != c.reset {
					t.Fatalf("want to come back in %s: %+v", c.reset, d)
				}
				time.Sleep(c.reset - 2*time.Second)
				if take(l, p, "a", 1).Allowed {
					t.Error("passes before the window ends")
				}
				time.Sleep(4 * time.Second)
				if got := admitted(l, p, "a", 10); got != 3 {
					t.Errorf("in the next window %d pass, want 3", got)
				}
			})
		})
	}
}

func TestAQuotaHoldsOverReplicasWithWrongClocks(t *testing.T) {
	fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: 10_000, Burst: 10_000, Quotas: []ratelimit.Quota{{Window: ratelimit.Hour, Limit: 1000}}}
		for hour := range 3 {
			passed := 0
			for i := range 1500 {
				time.Sleep(time.Millisecond)
				if take(replicas[i%3].Limiter, p, "a", 1).Allowed {
					passed++
				}
			}
			time.Sleep(2 * time.Second) // leases of the others come back
			passed += admitted(replicas[0].Limiter, p, "a", 100)
			if passed > 1000 || passed < 980 {
				t.Errorf("hour %d: %d of the quota of 1000", hour, passed)
			}
			time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
		}
	})
}
