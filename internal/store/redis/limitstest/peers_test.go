package limitstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	goredis "github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/ratelimit"
)

func redis1(address string) redis.Config { return redis.Config{Address: address} }

// limits is the policy that all peers are held to.
type limits struct {
	rate, burst int
}

// peer makes three replicas of one limiter; the clock of the last is ahead by skew.
type peer struct {
	name string
	make func(t testing.TB, address string, p limits, key string, skew time.Duration) []allow
}

func peers() []peer {
	ours := func(change func(p *ratelimit.Policy)) func(t testing.TB, address string, p limits, key string, skew time.Duration) []allow {
		return func(t testing.TB, address string, p limits, key string, skew time.Duration) []allow {
			policy := &ratelimit.Policy{Name: "p", Rate: float64(p.rate), Burst: p.burst}
			change(policy)
			var all []*ratelimit.Limiter
			for i, s := range []time.Duration{0, 0, skew} {
				all = append(all, limiter(t, redis1(address), fmt.Sprint(key, i), s))
			}
			return doors(all, policy, key)
		}
	}
	return []peer{
		{"sluice", ours(func(*ratelimit.Policy) {})},
		{"sluice, horizon 250 ms", ours(func(p *ratelimit.Policy) { p.Horizon = 250 * time.Millisecond })},
		{"sluice, strict", ours(func(p *ratelimit.Policy) { p.Strict = true })},
		{"traefik 3.7 rateLimit, redis", traefik},
		{"redis_rate v10", redisRate},
		{"x/time/rate, a third each", func(_ testing.TB, _ string, p limits, _ string, _ time.Duration) []allow {
			return local(float64(p.rate)/3, p.burst/3)
		}},
		{"x/time/rate, all each", func(_ testing.TB, _ string, p limits, _ string, _ time.Duration) []allow {
			return local(float64(p.rate), p.burst)
		}},
	}
}

func local(perSecond float64, burst int) []allow {
	var all []allow
	for range 3 {
		l := rate.NewLimiter(rate.Limit(perSecond), burst)
		all = append(all, l.Allow)
	}
	return all
}

func client(t testing.TB, address string) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: address, PoolSize: 64})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func redisRate(t testing.TB, address string, p limits, key string, _ time.Duration) []allow {
	t.Helper()
	var all []allow
	for range 3 {
		l := redis_rate.NewLimiter(client(t, address))
		limit := redis_rate.Limit{Rate: p.rate, Burst: p.burst, Period: time.Second}
		all = append(all, func() bool {
			r, err := l.Allow(context.Background(), key, limit)
			return err == nil && r.Allowed > 0
		})
	}
	return all
}

// traefikScript is the text of Traefik 3.7.13, pkg/middlewares/ratelimiter/lua.go (MIT).
const traefikScript = `
local key = KEYS[1]
local limit, burst, ttl, t, max_delay = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]),
    tonumber(ARGV[5])

local bucket = {
    limit = limit,
    burst = burst,
    tokens = 0,
    last = 0
}

local rl_source = redis.call('hgetall', key)

if table.maxn(rl_source) == 4 then
    -- Get bucket state from redis
    bucket.last = tonumber(rl_source[2])
    bucket.tokens = tonumber(rl_source[4])
end

local last = bucket.last
if t < last then
    last = t
end

local elapsed = t - last
local delta = bucket.limit * elapsed
local tokens = bucket.tokens + delta
tokens = math.min(tokens, bucket.burst)
tokens = tokens - 1

local wait_duration = 0
if tokens < 0 then
    wait_duration = (tokens * -1) / bucket.limit
    if wait_duration > max_delay then
        tokens = tokens + 1
        tokens = math.min(tokens, burst)
    end
end

redis.call('hset', key, 'last', t, 'tokens', tokens)
redis.call('expire', key, ttl)

return {tostring(true), tostring(wait_duration), tostring(tokens)}`

// traefik does what its middleware does around the script: the client's clock, a ttl of two
// seconds, and a wait of up to half a token's time.
func traefik(t testing.TB, address string, p limits, key string, skew time.Duration) []allow {
	t.Helper()
	script := goredis.NewScript(traefikScript)
	longest := time.Second / (time.Duration(p.rate) * 2)
	var all []allow
	for _, ahead := range []time.Duration{0, 0, skew} {
		c := client(t, address)
		all = append(all, func() bool {
			now := time.Now().Add(ahead).UnixMicro()
			v, err := script.Run(context.Background(), c, []string{"rate:" + key},
				float64(p.rate)/1e6, p.burst, 2, now, longest.Microseconds()).Slice()
			if err != nil {
				return false
			}
			text, _ := v[1].(string)
			wait, err := strconv.ParseFloat(text, 64)
			delay := time.Duration(wait * float64(time.Microsecond))
			if err != nil || delay > longest {
				return false
			}
			<-time.After(delay)
			return true
		})
	}
	return all
}

// distant puts some way between the replicas and Redis: on loopback every design looks good.
func distant(t testing.TB, address string, delay time.Duration) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", address)
			if err != nil {
				_ = near.Close()
				continue
			}
			all.Go(func() { relay(far, near, delay) })
			all.Go(func() { relay(near, far, 0) })
		}
	})
	return listener.Addr().String()
}

func relay(to, from net.Conn, delay time.Duration) {
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if delay > 0 {
				<-time.After(delay)
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			return
		}
	}
}
