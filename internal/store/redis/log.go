package redis

import (
	"context"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"
)

// LogTo sends what go-redis would print to log, for who looks for it: what matters, the store
// logs itself. go-redis has one logger for the whole process, so the process calls this once,
// before it makes a store.
func LogTo(log *slog.Logger) { goredis.SetLogger(chatter{log}) }

type chatter struct{ log *slog.Logger }

// Printf implements go-redis's logger.
func (c chatter) Printf(ctx context.Context, format string, args ...any) {
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.DebugContext(ctx, "go-redis", "said", fmt.Sprintf(format, args...))
	}
}
