package redis

import (
	"context"
	"fmt"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

// A known key is a key of its own that ends by itself: nothing has to be swept.
func knownKey(scope, key string) string { return ratelimit.Key(limitPrefix, scope, "known:"+key) }

// Recalls implements ratelimit.Recall.
func (l *Limits) Recalls(ctx context.Context, scope, key string) (bool, error) {
	name := knownKey(scope, key)
	replies, err := l.store.do(ctx, "limit known", request{key: name, words: []any{"EXISTS", name}})
	if err != nil {
		return false, fmt.Errorf("known keys of %s: %w", scope, err)
	}
	n, _ := replies[0].value.(int64)
	return n > 0, nil
}

// Remember implements ratelimit.Recall.
func (l *Limits) Remember(ctx context.Context, scope, key string, ttl time.Duration) error {
	name := knownKey(scope, key)
	_, err := l.store.do(ctx, "limit known", request{key: name, words: []any{"SET", name, "1", "PX", ttl.Milliseconds()}})
	return err
}

// Forget implements ratelimit.Recall.
func (l *Limits) Forget(ctx context.Context, scope, key string) error {
	name := knownKey(scope, key)
	_, err := l.store.do(ctx, "limit known", request{key: name, words: []any{"DEL", name}})
	return err
}
