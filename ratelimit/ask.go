package ratelimit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"
)

// What other replicas saw is asked for when an operator wants to know, over the orders: it
// costs nothing while nobody asks.

const (
	askWait  = 900 * time.Millisecond // for the others: they look at the orders twice meanwhile
	mostTold = 500                    // keys that one replica tells
)

// questions are those that wait for answers.
type questions struct {
	mu   sync.Mutex
	open map[string]*question
}

type question struct {
	told    []Usage
	answers int
	enough  chan struct{} // closed once as many as are alive have answered
	wanted  int
}

// others are what other replicas say about a scope. Who does not answer in time is left out.
func (l *Limiter) others(scope string) []Usage {
	wanted := l.alive() - 1
	if l.inline || wanted < 1 || !l.ledger.Healthy() {
		return nil
	}
	id, q := rand.Text(), &question{enough: make(chan struct{}), wanted: wanted}
	l.questions.mu.Lock()
	if l.questions.open == nil {
		l.questions.open = map[string]*question{}
	}
	l.questions.open[id] = q
	l.questions.mu.Unlock()
	defer func() {
		l.questions.mu.Lock()
		delete(l.questions.open, id)
		l.questions.mu.Unlock()
	}()

	ctx, cancel := context.WithTimeout(context.Background(), askWait)
	defer cancel()
	if err := l.ledger.Post(ctx, Order{Verb: doAsk, Scope: scope, Key: id}); err != nil {
		return nil
	}
	select {
	case <-q.enough:
	case <-ctx.Done():
	}
	l.questions.mu.Lock()
	defer l.questions.mu.Unlock()
	return q.told
}

// tell answers another replica's question.
func (l *Limiter) tell(ctx context.Context, o Order) {
	if l.questions.asked(o.Key) {
		return
	}
	text, err := json.Marshal(l.own(o.Scope, mostTold))
	if err != nil {
		return
	}
	// Without an answer the other goes on without it.
	_ = l.ledger.Post(ctx, Order{Verb: doTell, Scope: o.Scope, Key: o.Key, Text: string(text)})
}

func (q *questions) asked(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.open[id] != nil
}

// hear takes an answer in.
func (q *questions) hear(o Order) {
	q.mu.Lock()
	defer q.mu.Unlock()
	question := q.open[o.Key]
	if question == nil {
		return // somebody else's
	}
	var told []Usage
	if json.Unmarshal([]byte(o.Text), &told) != nil {
		return
	}
	question.told = append(question.told, told...)
	if question.answers++; question.answers == question.wanted {
		close(question.enough)
	}
}
