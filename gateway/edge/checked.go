package edge

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	traefikprovider "github.com/traefik/traefik/v3/pkg/provider"
	"github.com/traefik/traefik/v3/pkg/safe"
)

// checked stands between Traefik's providers and its watcher. The watcher copies every
// message in a goroutine that Traefik does not restart: one message that cannot be copied
// (a plugin provider's odd type) would end all reloads for good, with one line in the log.
// Such a message is dropped here; the provider's last good one stays.
type checked struct {
	traefikprovider.Provider
	log     *slog.Logger
	metrics *metrics
}

// Provide implements Traefik's provider.
func (c *checked) Provide(messages chan<- dynamic.Message, pool *safe.Pool) error {
	unchecked := make(chan dynamic.Message, cap(messages))
	pool.GoCtx(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case message := <-unchecked:
				c.pass(ctx, message, messages)
			}
		}
	})
	return c.Provider.Provide(unchecked, pool)
}

func (c *checked) pass(ctx context.Context, message dynamic.Message, to chan<- dynamic.Message) {
	if err := tryCopy(message.Configuration); err != nil {
		c.metrics.rejected.WithLabelValues(message.ProviderName).Inc()
		c.log.ErrorContext(ctx, "configuration of a provider dropped", "provider", message.ProviderName, "err", err)
		return
	}
	select {
	case to <- message:
	case <-ctx.Done():
	}
}

func tryCopy(conf *dynamic.Configuration) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot be copied: %v", p)
		}
	}()
	if conf != nil {
		conf.DeepCopy()
	}
	return nil
}
