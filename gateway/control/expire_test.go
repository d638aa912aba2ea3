package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// holding asks for a hold that lasts for d from at on.
func holding(at time.Time, d time.Duration) func(cutover.Record) (cutover.Record, error) {
	return func(r cutover.Record) (cutover.Record, error) {
		end := at.Add(d)
		return r.SetHold(at, cutover.Hold{
			Hold:  routing.Hold{ID: "h1", Wait: 25 * time.Second, Count: 10, Bytes: 1 << 20},
			Grant: cutover.Grant{Actor: "ops", Reason: "the database moves", At: at, Expires: &end},
		})
	}
}

func (n *node) held() bool { c := n.Course("acme"); return c != nil && c.Hold != nil }

func TestAHoldEndsByItself(t *testing.T) {
	t.Run("on every gateway", func(t *testing.T) {
		bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
			a.change(closing)
			a.change(holding(time.Now(), time.Minute))
			after(59 * time.Second)
			if !a.held() || !b.held() || !b.Fresh("acme") || !b.Urgent() {
				t.Error("it ended early")
			}
			after(2 * time.Second)
			one, _ := a.Tenant("acme")
			two, _ := b.Tenant("acme")
			if a.held() || b.held() || one.Hold != nil || two.Hold != nil || b.Urgent() {
				t.Error("it has not ended")
			}
			if one.Sequence != two.Sequence || one.Sequence != 3 {
				t.Errorf("it was ended more than once: sequences %d, %d", one.Sequence, two.Sequence)
			}
		})
	})
	t.Run("also while the store is away", func(t *testing.T) {
		bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
			a.change(closing)
			a.change(holding(time.Now(), time.Minute))
			synctest.Wait()
			a.store.cut.Store(true)
			b.store.cut.Store(true)
			after(61 * time.Second)
			if a.held() || b.held() {
				t.Error("it has not ended")
			}
		})
	})
	t.Run("by this machine's clock, whatever another one says", func(t *testing.T) {
		bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
			a.change(closing)
			a.change(holding(time.Now().Add(-time.Hour), time.Minute)) // the clock of whoever asked is slow
			after(50 * time.Second)
			if !a.held() || !b.held() {
				t.Error("it ended by a foreign clock")
			}
			after(11 * time.Second)
			if a.held() || b.held() {
				t.Error("it has not ended")
			}
		})
	})
	t.Run("though nobody said when", func(t *testing.T) {
		bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
			a.change(closing)
			a.change(func(r cutover.Record) (cutover.Record, error) {
				return r.SetHold(time.Now(), cutover.Hold{Hold: routing.Hold{ID: "h"}, Grant: cutover.Grant{At: time.Now()}})
			})
			after(holdAtMost - time.Second)
			if !a.held() {
				t.Error("it ended early")
			}
			after(2 * time.Second)
			if a.held() {
				t.Error("it holds for ever")
			}
		})
	})
}

func TestOverridesExpire(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		end := time.Now().Add(5 * time.Minute)
		a.change(closing)
		a.change(func(r cutover.Record) (cutover.Record, error) {
			return r.SetMaintenance(time.Now(), cutover.Maintenance{Grant: cutover.Grant{Actor: "ops", Expires: &end}}), nil
		})
		if _, err := a.ChangePool(t.Context(), "p", drain("b1", &end)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if b.Course("acme").Page == nil || b.Backend("p", "b1") != cutover.Draining || b.Backend("p", "b2") != cutover.Ready {
			t.Errorf("b does not obey: %+v, %s", b.Course("acme"), b.Backend("p", "b1"))
		}
		after(5*time.Minute + time.Second)
		for _, n := range []*node{a, b} {
			rec, _ := n.Tenant("acme")
			pool, _ := n.Pool("p")
			if n.Course("acme").Page != nil || rec.Maintenance != nil || n.Backend("p", "b1") != cutover.Ready || len(pool.Backends) != 0 {
				t.Errorf("they go on: %+v, %+v", rec, pool)
			}
		}
	})
}

// running is a cutover from blue to green that a drives.
func running(r cutover.Record) (cutover.Record, error) {
	r, err := cutover.New("acme", "blue", cutover.Plan{Strategy: cutover.Drain, To: "green", SkipPreflight: true}.WithDefaults(), time.Now(), "ops", "release 7", "c1", "seed", r)
	if err != nil {
		return r, err
	}
	return r.TakeOver("a"), nil
}

func TestFresh(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		if !a.Fresh("acme") {
			t.Error("a tenant without a record is not fresh")
		}
		a.change(running)
		for range 30 { // the driver lives
			a.change(func(r cutover.Record) (cutover.Record, error) { return r.Beaten(), nil })
			after(time.Second)
			if !a.Fresh("acme") || !b.Fresh("acme") {
				t.Fatal("not fresh while the driver lives")
			}
		}
		_, v := b.Tenant("acme")
		after(freshFor - 2*time.Second)
		if !b.Fresh("acme") {
			t.Error("not fresh too early")
		}
		after(2 * time.Second)
		if b.Fresh("acme") || a.Fresh("acme") {
			t.Error("fresh although the driver is dead")
		}
		if b.Quiet("acme") < freshFor {
			t.Errorf("quiet for %s", b.Quiet("acme"))
		}
		b.change(func(r cutover.Record) (cutover.Record, error) { return r.TakeOver("b"), nil })
		synctest.Wait()
		if !b.Fresh("acme") || !a.Fresh("acme") {
			t.Error("not fresh after another one took over")
		}
		if _, now := b.Tenant("acme"); now != v {
			t.Error("driving a cutover changes the digest of decisions")
		}
		b.store.cut.Store(true)
		for range 11 {
			a.change(func(r cutover.Record) (cutover.Record, error) { return r.Beaten(), nil })
			after(time.Second)
		}
		if b.Fresh("acme") || !a.Fresh("acme") {
			t.Error("a gateway that is cut off does not notice")
		}
	})
}

func TestARestartCountsAsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := t.TempDir(), newShared(t)
		a := start(t, s, "a", dir)
		a.change(running)
		a.stop()
		after(time.Minute)
		again := start(t, s, "a2", dir)
		if !again.Fresh("acme") {
			t.Error("a hold would end before another gateway can take over")
		}
		after(freshFor)
		if again.Fresh("acme") {
			t.Error("fresh although nobody drives it")
		}
	})
}

func TestEvicted(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		a.change(closing)
		synctest.Wait()
		b.store.cut.Store(true)
		a.change(closing)
		a.change(func(r cutover.Record) (cutover.Record, error) { return r.Evict(time.Now(), "b"), nil })
		synctest.Wait()
		if b.Course("acme").Page != nil {
			t.Error("it knows what it cannot have heard")
		}
		// It hears again, but what it heard may not be all.
		rec, err := b.store.Record(t.Context(), "tenant", "acme")
		if err != nil {
			t.Fatal(err)
		}
		hear(b.Control, b.tenants, rec, false)
		if b.Course("acme").Page == nil || a.Course("acme").Page != nil {
			t.Error("a gateway that was taken out serves on, or another one does not")
		}
		b.store.cut.Store(false)
		after(readEvery + time.Second)
		now, _ := a.Tenant("acme")
		if b.Course("acme").Page != nil || slices.Contains(now.Evicted, "b") || b.epoch() != 2 {
			t.Errorf("it has caught up and is not back: %+v", now)
		}
	})
}

func TestTheDeclaredStateCatchesUp(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		a.change(closing)
		a.change(func(r cutover.Record) (cutover.Record, error) {
			r.Sequence++
			r.Settled = []cutover.Settled{{Active: "green", Cutover: "c1", At: time.Now()}}
			return r, nil
		})
		synctest.Wait()
		after(10 * time.Minute)
		if b.Course("acme").Legs[0].Active != "green" || b.count("sluice_tenant_drifted") != 1 {
			t.Errorf("a completed cutover ran backwards: %+v", b.Course("acme"))
		}
		a.declare("green") // b reads the new configuration later
		after(agreeFor / 2)
		if b.Course("acme").Legs[0].Active != "green" || a.count("sluice_tenant_drifted") != 0 {
			t.Errorf("a gateway that lags behind went back: %+v", b.Course("acme"))
		}
		b.declare("green")
		after(agreeFor)
		rec, _ := b.Tenant("acme")
		if len(rec.Settled) != 0 || b.Course("acme").Legs[0].Active != "green" {
			t.Errorf("it is not forgotten: %+v", rec)
		}
		a.declare("blue") // Git goes back by itself: that is a decision again
		if a.Course("acme").Legs[0].Active != "blue" {
			t.Errorf("got %+v", a.Course("acme"))
		}
	})
}

func TestATenantThatIsNotDeclared(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
		if _, err := a.Change(t.Context(), "gone", closing); err != nil {
			t.Fatal(err)
		}
		if a.Course("gone") != nil {
			t.Error("it has a course")
		}
		if rec, _ := a.Tenant("gone"); rec.Epoch != 1 {
			t.Error("its record is lost")
		}
	})
}
