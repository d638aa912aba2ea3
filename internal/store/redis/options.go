package redis

import (
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	poolSize   = 32                    // connections to one server: at 1 ms a call, 32 000 calls a second
	poolWait   = 20 * time.Millisecond // for one of them
	idleTime   = 5 * time.Minute       // before a connection is closed; Azure closes idle ones after 10
	bufferSize = 8 << 10               // twice for each connection
)

// options are what every kind of client is made with.
//
// go-redis tries again by itself calls and dials. The first would send a call twice,
// the second would keep a request waiting: both are off, and call.go does what is safe.
type options struct {
	bounds      Bounds
	credentials Credentials
	conns       *connections
}

func (o options) client(address string) *goredis.Client {
	c := &goredis.Options{
		Addr: address, Dialer: o.conns.dial,
		MaxRetries: -1, DialerRetries: 1,
		DialTimeout: o.bounds.Dial, ReadTimeout: o.bounds.Reply, WriteTimeout: o.bounds.Reply,
		ContextTimeoutEnabled: true,
		PoolSize:              poolSize, PoolTimeout: poolWait, ConnMaxIdleTime: idleTime,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
		DisableIdentity: true, MaintNotificationsConfig: noNotices(),
	}
	o.credentials.client(c)
	return goredis.NewClient(c)
}

func (o options) failover(s Sentinel) *goredis.Client {
	c := &goredis.FailoverOptions{
		MasterName: s.Master, SentinelAddrs: s.Addresses, Dialer: o.conns.dial,
		MaxRetries: -1, DialerRetries: 1,
		DialTimeout: o.bounds.Dial, ReadTimeout: o.bounds.Reply, WriteTimeout: o.bounds.Reply,
		ContextTimeoutEnabled: true,
		PoolSize:              poolSize, PoolTimeout: poolWait, ConnMaxIdleTime: idleTime,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
		DisableIdentity: true, // these clients take no notices
	}
	o.credentials.failover(c)
	return goredis.NewFailoverClient(c)
}

// noNotices turns off what hosted servers push about their own maintenance: it moves
// connections behind the breaker's back.
func noNotices() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
