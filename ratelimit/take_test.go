package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

func ten() *ratelimit.Policy {
	return &ratelimit.Policy{Name: "ten", Rate: 10, Burst: 5, Period: time.Second}
}

func take(l *ratelimit.Limiter, p *ratelimit.Policy, key string, cost int) ratelimit.Decision {
	d, done := l.Take(context.Background(), []ratelimit.Charge{{Policy: p, Scope: "acme", Key: key, Cost: cost}}, false)
	done()
	return d
}

func TestAKeyHasItsBurstAndThenItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(ratelimit.Config{})
		p := ten()
		for i := range 5 {
			if d := take(l, p, "a", 1); !d.Allowed || d.Levels[0].Remaining != 4-i {
				t.Fatalf("request %d: %+v", i, d)
			}
		}
		d := take(l, p, "a", 1)
		if d.Allowed || d.RetryAfter != 100*time.Millisecond || len(d.Violated) != 1 || d.Violated[0] != "ten" {
			t.Fatalf("after the burst: %+v", d)
		}
		if d := take(l, p, "b", 1); !d.Allowed {
			t.Errorf("another key pays for the first: %+v", d)
		}
		time.Sleep(d.RetryAfter + 20*time.Millisecond)
		if d := take(l, p, "a", 1); !d.Allowed {
			t.Errorf("when it was told to come back: %+v", d)
		}
	})
}
