package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"
)

const (
	keyLife  = 24 * time.Hour
	mostKeys = 10_000
)

// keys remembers what was answered under an Idempotency-Key. Others are asked for theirs; when
// they cannot be, the same write finds that If-Match is stale, so nothing is done twice.
type keys struct {
	mu  sync.Mutex
	all map[string]*keyed
}

type keyed struct {
	key, text string
	at        time.Time
	done      chan struct{}
	answer    any // nil: it failed
}

// kept is an answer where the other gateways find it.
type kept struct {
	Write    string          `json:"write"` // hash of what was asked for
	At       time.Time       `json:"at"`
	Status   int             `json:"status"`
	Location string          `json:"location,omitempty"`
	Body     json.RawMessage `json:"body"`
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// answered is what another gateway has answered; nil when none has. used says that it was to
// another write.
func answered[T any](ctx context.Context, s *Server, key, text string) (answer *written[T], used bool) {
	if s.config.Answers == nil {
		return nil, false
	}
	found, ok := s.config.Answers.Answer(ctx, hashOf(key))
	var k kept
	if !ok || json.Unmarshal(found, &k) != nil || time.Since(k.At) >= keyLife {
		return nil, false
	}
	if k.Write != hashOf(text) {
		return nil, true
	}
	out := &written[T]{Status: k.Status, Location: k.Location}
	if json.Unmarshal(k.Body, &out.Body) != nil {
		return nil, false
	}
	return out, false
}

// share lets the other gateways answer alike.
func share[T any](ctx context.Context, s *Server, key, text string, answer *written[T]) {
	if s.config.Answers == nil {
		return
	}
	body, err := json.Marshal(answer.Body)
	if err != nil {
		return
	}
	k, err := json.Marshal(kept{hashOf(text), time.Now().UTC(), answer.Status, answer.Location, body})
	if err == nil {
		s.config.Answers.KeepAnswer(ctx, hashOf(key), k)
	}
}

// take returns the entry of a key, and whether the caller is the first; nil where it was used
// for something else.
func (k *keys) take(key, text string, now time.Time) (e *keyed, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]*keyed{}
	}
	if e := k.all[key]; e != nil && now.Sub(e.at) < keyLife {
		if e.text != text {
			return nil, false
		}
		return e, false
	}
	k.room(now)
	e = &keyed{key: key, text: text, at: now, done: make(chan struct{})}
	k.all[key] = e
	return e, true
}

// room forgets what is old, then what is oldest.
func (k *keys) room(now time.Time) {
	if len(k.all) < mostKeys {
		return
	}
	var oldest *keyed
	for key, e := range k.all {
		if now.Sub(e.at) >= keyLife {
			delete(k.all, key)
		} else if oldest == nil || e.at.Before(oldest.at) {
			oldest = e
		}
	}
	if len(k.all) >= mostKeys {
		delete(k.all, oldest.key)
	}
}

// end keeps the answer of a write that was done. One that failed is forgotten: it may be tried
// again under its key.
func (k *keys) end(e *keyed, answer any, done bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if done {
		e.answer = answer
	} else if k.all[e.key] == e {
		delete(k.all, e.key)
	}
	close(e.done)
}
