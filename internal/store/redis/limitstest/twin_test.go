package limitstest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
	"sluicegate.dev/sluice/ratelimit"
)

// withClock is the limits script with a clock that the test turns: its last argument.
func withClock(t testing.TB) *redis.Script {
	t.Helper()
	const clock = "local t = redis.call('TIME')\nlocal now = t[1] * 1000000 + t[2]\n"
	if !strings.Contains(ratelimit.Script, clock) {
		t.Fatal("the script reads its clock in another way than this test knows")
	}
	return redis.NewScript("test", strings.Replace(ratelimit.Script, clock, "local now = tonumber(table.remove(ARGV))\n", 1))
}

// TestTheLimitsScriptAndItsTwinAgree plays the same calls, sensible or not, to Redis and to
// the ledger in Go. Every answer must be the same to the last bit.
func TestTheLimitsScriptAndItsTwinAgree(t *testing.T) {
	pair := newPair(t)
	rapid.Check(t, pair.agree)
}

func FuzzTheLimitsScriptAndItsTwin(f *testing.F) {
	f.Add(bytes.Repeat([]byte("any bytes make a schedule "), 400))
	pair := newPair(f)
	f.Fuzz(rapid.MakeFuzz(pair.agree))
}

type pair struct {
	store  *redis.Store
	script *redis.Script
	runs   int
}

func newPair(t testing.TB) *pair {
	return &pair{store: running(t, redis.Config{Address: redistest.Start(t).Addr}), script: withClock(t)}
}

func (p *pair) agree(t *rapid.T) {
	p.runs++
	now := 1_800_000_000_000_000 + rapid.Int64Range(0, 1e12).Draw(t, "start")
	twin := ratelimit.NewMemory(func() time.Time { return time.UnixMicro(now) })
	kinds := rapid.SliceOfN(rapid.SampledFrom([]ratelimit.Kind{ratelimit.Rate, ratelimit.Windowed, ratelimit.Slots}), 1, 3).Draw(t, "kinds")
	rates := rapid.SliceOfN(rapid.SampledFrom([]float64{1, 10. / 60, 500, 33.3, 100_000, 1. / 86400}), len(kinds), len(kinds)).Draw(t, "rates")
	for range rapid.IntRange(1, 30).Draw(t, "steps") {
		now += rapid.SampledFrom([]int64{0, 1, 17, 1000, 33_333, 250_000, 999_999, 4e6, 60e6, 3600e6, -5, -3e6, -300e6}).Draw(t, "passed")
		there := &ratelimit.Call{
			Scope: fmt.Sprintf("t%d", p.runs), Replica: rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "replica"),
		}
		for i, kind := range kinds {
			there.Cells = append(there.Cells, drawCell(t, i, kind, rates[i], now))
		}
		there.Asks = drawAsks(t, len(kinds))
		here := *there
		here.Cells, here.Asks = slices.Clone(there.Cells), slices.Clone(there.Asks)

		reply, err := p.store.Script(t.Context(), p.script, there.Keys("test:"), append(there.Args(), now)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := there.Decode(reply); err != nil {
			t.Fatal(err)
		}
		twin.Do(t.Context(), []*ratelimit.Call{&here})
		same(t, &here, there)
	}
}

func drawCell(t *rapid.T, i int, kind ratelimit.Kind, rate float64, now int64) ratelimit.Cell {
	limit := rapid.SampledFrom([]int{1, 5, 20, 100, 1000}).Draw(t, "limit")
	c := ratelimit.Cell{
		Name: fmt.Sprint("c", i), Kind: kind, Limit: limit,
		Reserve: rapid.IntRange(0, limit/5).Draw(t, "reserve"),
		TTL:     rapid.SampledFrom([]int64{1e6, 3e6, 4e6}).Draw(t, "ttl"),
		Have:    rapid.IntRange(0, 12).Draw(t, "have"),
		Held:    rapid.IntRange(0, 4).Draw(t, "held"),
		Return:  rapid.IntRange(0, 4).Draw(t, "return"),
		Debt:    rapid.SampledFrom([]int{0, 0, 0, 3, 30}).Draw(t, "debt"),
		Refund:  rapid.SampledFrom([]int{0, 0, 0, 1, 40}).Draw(t, "refund"),
		Since:   now - rapid.SampledFrom([]int64{0, 1000, 20_000, 3600e6, -1000}).Draw(t, "since"),
		Want:    rapid.IntRange(0, 20).Draw(t, "want"),
		Demand:  rapid.Float64Range(0, 1000).Draw(t, "demand"),
		Reset:   rapid.IntRange(0, 20).Draw(t, "reset") == 20,
	}
	switch kind {
	case ratelimit.Rate:
		c.Rate = rate / 1e6
	case ratelimit.Windowed:
		const hour = int64(3600e6)
		skew := rapid.SampledFrom([]int64{0, 0, 0, 300e6, -300e6, 5 * hour, -5 * hour}).Draw(t, "skew")
		for j := range c.Bounds {
			c.Bounds[j] = ((now+skew)/hour + int64(j) - 1) * hour
		}
	}
	return c
}

func drawAsks(t *rapid.T, cells int) []ratelimit.Ask {
	var asks []ratelimit.Ask
	for range rapid.IntRange(0, 3).Draw(t, "asks") {
		ask := ratelimit.Ask{Priority: rapid.Bool().Draw(t, "priority")}
		for i := range cells {
			if rapid.IntRange(0, 2).Draw(t, "needed") > 0 {
				ask.Needs = append(ask.Needs, ratelimit.Need{Cell: i, Cost: rapid.IntRange(1, 9).Draw(t, "cost")})
			}
		}
		asks = append(asks, ask)
	}
	return asks
}

// same compares answers. What was said is not an answer, and the twin cuts it to what counts.
func same(t *rapid.T, twin, script *ratelimit.Call) {
	for i := range twin.Cells {
		said := &script.Cells[i]
		twin.Cells[i].Have, twin.Cells[i].Held, twin.Cells[i].Return = said.Have, said.Held, said.Return
	}
	if !reflect.DeepEqual(twin, script) {
		t.Fatalf("\ntwin   %+v\nscript %+v", twin, script)
	}
}
