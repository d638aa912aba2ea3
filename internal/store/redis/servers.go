package redis

import (
	"context"
	"fmt"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"sluicegate.dev/sluice/internal/store"
)

// server is one Redis that takes writes: the only one, the primary, or one of a cluster's.
type server struct {
	name    string
	client  *goredis.Client
	breaker breaker

	probeKey atomic.Value // a key that it keeps
}

// cutOff is what callers hear while the breaker is open.
func (s *server) cutOff() error {
	return fmt.Errorf("%w: %s failed, and a probe has not succeeded since", store.ErrUnavailable, s.name)
}

// servers are where keys are.
type servers interface {
	find(ctx context.Context, key string) (*server, error)
	// known is find without waiting: nil when somebody must be asked.
	known(key string) *server
	// redirect is where a cluster's reply says that a key is, or is being moved to.
	redirect(from *server, reply error) (to *server, asking bool)
	// all are those that take writes now; due asks for them anew.
	all(ctx context.Context, due bool) ([]*server, error)
	healthy() bool
	subscribe(ctx context.Context, channel string) (*goredis.PubSub, error)
	close() error
}

// single is one server, or the primary that sentinels name: the client follows it.
type single struct{ server *server }

func newSingle(client *goredis.Client, s *server) *single {
	s.client = client
	s.probeKey.Store(probeKey(0))
	return &single{s}
}

func (s *single) find(context.Context, string) (*server, error) { return s.server, nil }
func (s *single) known(string) *server                          { return s.server }
func (s *single) redirect(*server, error) (*server, bool)       { return nil, false }
func (s *single) all(context.Context, bool) ([]*server, error)  { return []*server{s.server}, nil }
func (s *single) healthy() bool                                 { return s.server.breaker.allows() }
func (s *single) close() error                                  { return s.server.client.Close() }

func (s *single) subscribe(ctx context.Context, channel string) (*goredis.PubSub, error) {
	return s.server.client.Subscribe(ctx, channel), nil
}
