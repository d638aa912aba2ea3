package entra

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9/auth"
)

const (
	beforeEnd = 4 * time.Minute // azidentity gives a new token when the old one has less than five
	askAgain  = 5 * time.Second // at the soonest, when all goes well
	retryMin  = time.Second
	retryMax  = 30 * time.Second
)

var errNoToken = errors.New("there is no token yet")

// tokens keeps the current token and tells connections of a new one. It implements
// auth.StreamingCredentialsProvider.
type tokens struct {
	from    azcore.TokenCredential
	soonest time.Duration // before a token is asked for again
	log     *slog.Logger
	expires prometheus.Gauge
	failed  prometheus.Counter

	mu        sync.Mutex
	now       auth.Credentials
	token     string
	listeners map[auth.CredentialsListener]struct{}
}

func newTokens(from azcore.TokenCredential, log *slog.Logger, r prometheus.Registerer) *tokens {
	t := &tokens{
		from: from, soonest: askAgain, log: log, listeners: map[auth.CredentialsListener]struct{}{},
		expires: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_store_token_expires_timestamp_seconds", Help: "When the Entra ID token for Redis ends; 0 while there is none.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_store_token_failures_total", Help: "Times that Entra ID gave no token for Redis.",
		}),
	}
	if r != nil {
		r.MustRegister(t.expires, t.failed)
	}
	return t
}

// Subscribe implements auth.StreamingCredentialsProvider. Connections call it when they are
// made, and hear of each new token until they are closed.
func (t *tokens) Subscribe(listener auth.CredentialsListener) (auth.Credentials, auth.UnsubscribeFunc, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		return nil, nil, errNoToken
	}
	t.listeners[listener] = struct{}{}
	return t.now, func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.listeners, listener)
		return nil
	}, nil
}

// run gets a token, and a new one before that ends, until ctx does.
func (t *tokens) run(ctx context.Context) {
	pause := retryMin
	for {
		wait, err := t.renew(ctx)
		if err != nil {
			wait, pause = pause, min(2*pause, retryMax)
		} else {
			pause = retryMin
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// renew gets a token and says when to ask again.
func (t *tokens) renew(ctx context.Context) (time.Duration, error) {
	got, err := ask(ctx, t.from)
	var user string
	if err == nil {
		user, err = objectID(got.Token)
	}
	if err != nil {
		if ctx.Err() == nil {
			t.failed.Inc()
			t.log.ErrorContext(ctx, "no Entra ID token for Redis: connections that are open stay until theirs ends, new ones cannot be made; check the identity and its federated credential", "err", err)
		}
		return 0, err
	}
	t.expires.Set(float64(got.ExpiresOn.Unix()))
	t.publish(user, got.Token)
	return max(t.soonest, next(got)), nil
}

// next is how long the token does.
func next(token azcore.AccessToken) time.Duration {
	at := token.ExpiresOn.Add(-beforeEnd)
	if !token.RefreshOn.IsZero() && token.RefreshOn.Before(at) {
		at = token.RefreshOn
	}
	return time.Until(at)
}

// publish makes a token the current one, and has open connections sign in with it.
func (t *tokens) publish(user, token string) {
	t.mu.Lock()
	if token == t.token {
		t.mu.Unlock()
		return
	}
	t.token, t.now = token, auth.NewBasicCredentials(user, token)
	news := t.now
	listeners := make([]auth.CredentialsListener, 0, len(t.listeners))
	for l := range t.listeners {
		listeners = append(listeners, l)
	}
	t.mu.Unlock()
	for _, l := range listeners {
		l.OnNext(news)
	}
	t.log.Info("a new Entra ID token for Redis is in use", "user", user, "connections", len(listeners))
}
