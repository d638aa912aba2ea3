package e2e

import (
	"errors"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestRecordsThatAreNotOurs: somebody else wrote into Redis. A replica that has never heard of the sessions
// reads what is there: what it did not seal for this very session counts as nothing, is counted
// as such, and takes nobody to another server than his cookie says.
func TestRecordsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 4, []string{"a", "b", "c"})
	all := harness.NewReplicas(t, 2, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{"acme.yaml": odoos.documents(nil)})
	all[:1].Start(t)
	storeIs(t, all[:1], true)
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	// The epoch beside a value is the store's, and nobody's signature: the value stands.
	const enlarged = "a larger epoch beside it"
	spoilt := map[string]func(key, good, theirs string){
		"garbage":              func(key, _, _ string) { redis.Do(t, "SET", key, "garbage", "PX", 600_000) },
		"empty":                func(key, _, _ string) { redis.Do(t, "SET", key, "", "PX", 600_000) },
		"cut short":            func(key, good, _ string) { redis.Do(t, "SET", key, good[:len(good)*2/3], "PX", 600_000) },
		enlarged:               func(key, good, _ string) { redis.Do(t, "SET", key, "9"+good, "PX", 600_000) },
		"a list":               func(key, _, _ string) { redis.Do(t, "DEL", key); redis.Do(t, "RPUSH", key, "x") },
		"a hash":               func(key, _, _ string) { redis.Do(t, "DEL", key); redis.Do(t, "HSET", key, "x", "y") },
		"of another session":   func(key, _, theirs string) { redis.Do(t, "SET", key, theirs, "PX", 600_000) },
		"a megabyte of zeroes": func(key, _, _ string) { redis.Do(t, "SETRANGE", key, 1<<20, "x") },
	}
	theirs := newRecord(t, redis, wires, all[0].Web)
	users := map[string][]*harness.User{}
	for name, spoil := range spoilt {
		for range 6 {
			r := newRecord(t, redis, wires, all[0].Web)
			spoil(r.key, r.value, theirs.value)
			users[name] = append(users[name], r.user)
		}
	}
	all[1:].Start(t)
	storeIs(t, all, true)
	for name, list := range users {
		before := all[1].Metrics(t)
		misled := 0
		for _, u := range list {
			u.Via = all[1].Web
			program := u.Twin()
			program.SetCookie(pinName, "")
			reply, err := program.Do(t.Context(), "GET", "/web/login", "")
			if err != nil || reply.Status != 200 {
				t.Errorf("%s: without a pin cookie: %d, %v", name, reply.Status, err)
			}
			if server := reply.Header.Get("X-Standin-Server"); server == theirs.user.Home && u.Home != server {
				misled++
			}
			if server := reply.Header.Get("X-Standin-Server"); name == enlarged && server != u.Home {
				t.Errorf("%s: signed in on %s, served by %s", name, u.Home, server)
			}
			if err := u.Visit(t.Context()); err != nil {
				t.Errorf("%s: with his cookie: %v", name, err)
			}
		}
		after := all[1].Metrics(t)
		rejected := func(m harness.Metrics) float64 {
			return m.Sum("sluice_store_invalid_values_total") + m.Sum("sluice_pin_records_invalid_total")
		}
		if got := rejected(after) - rejected(before); got < float64(len(list)) && name != enlarged {
			t.Errorf("%s: %v of %d values were counted as not ours", name, got, len(list))
		}
		if name == "of another session" && misled == len(list) {
			t.Errorf("%s: all went to the other session's server", name)
		}
	}
}

// record is a user's pin in the store.
type record struct {
	key, value string
	user       *harness.User
}

// newRecord signs a user in and finds the pin that it made.
func newRecord(t *testing.T, redis *harness.Redis, wires *harness.Wires, via string) record {
	t.Helper()
	before := map[string]bool{}
	for _, key := range redis.Keys(t, "sluice:v1:pin:*") {
		before[key] = true
	}
	u := harness.NewUser(wires, "acme.test")
	u.Via = via
	if err := u.SignInByCall(t.Context(), "acme", person(len(before))); err != nil {
		t.Fatal(err)
	}
	r := record{user: u}
	harness.Eventually(t, harness.Patience, "the login's pin is in the store", func() error {
		for _, key := range redis.Keys(t, "sluice:v1:pin:*") {
			if !before[key] {
				r.key, r.value = key, redis.Do(t, "GET", key).(string)
				return nil
			}
		}
		return errors.New("not yet")
	})
	return r
}
