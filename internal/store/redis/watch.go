package redis

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	quietFor  = 2 * time.Second // without a message, before the other end is asked whether it lives
	askedFor  = time.Second     // for its answer
	watchWait = 200 * time.Millisecond
)

// message is what watchers hear. Neither tenants nor keys hold blanks.
func message(tenant, key, value string) string { return tenant + " " + key + " " + value }

// WatchPins tells of every pin that is put, until ctx ends. lost says that something may have
// been missed: at the start, and each time that the connection had to be made again.
func (s *Store) WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error {
	return s.follow(ctx, pinsChannel, func(payload string) { s.hear(payload, heard) }, lost)
}

// follow listens to a channel until ctx ends.
func (s *Store) follow(ctx context.Context, channel string, hear func(payload string), lost func()) error {
	for ctx.Err() == nil {
		if err := s.watch(ctx, channel, hear, lost); err != nil && ctx.Err() == nil {
			s.log.DebugContext(ctx, "redis: a watch was interrupted", "channel", channel, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchWait):
		}
	}
	return nil
}

// watch listens over one connection until that fails. go-redis would reconnect by itself, but
// not tell.
func (s *Store) watch(ctx context.Context, channel string, hear func(payload string), lost func()) error {
	sub, err := s.servers.subscribe(ctx, channel)
	if err != nil {
		return err
	}
	defer sub.Close()
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer stop()
	asked := false
	for {
		wait := quietFor
		if asked {
			wait = askedFor
		}
		got, err := sub.ReceiveTimeout(ctx, wait)
		if err != nil {
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() || asked {
				return err //nolint:wrapcheck // the caller says what it was about
			}
			if err := sub.Ping(ctx); err != nil {
				return err //nolint:wrapcheck // as above
			}
			asked = true
			continue
		}
		asked = false
		switch m := got.(type) {
		case *goredis.Subscription:
			lost()
		case *goredis.Message:
			hear(m.Payload)
		}
	}
}

func (s *Store) hear(payload string, heard func(tenant, key, value string)) {
	tenant, rest, ok := strings.Cut(payload, " ")
	key, value, complete := strings.Cut(rest, " ")
	if !ok || !complete || tenant == "" || key == "" || value == "" || len(payload) > 2*maxValue {
		s.metrics.Invalid("message", 1)
		return
	}
	heard(tenant, key, value)
}
