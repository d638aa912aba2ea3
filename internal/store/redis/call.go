package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"sluicegate.dev/sluice/internal/store"
)

// request is one command. The key says which server of a cluster it is for.
type request struct {
	key    string
	words  []any
	script *Script // when it is the run of a script

	at     *server // where an earlier reply sent it
	asking bool    // while its slot moves there
}

// reply is what came of a request.
type reply struct {
	value any // nil when there is none
	err   error
}

// do sends requests, to each server in one round trip. It ends within the store's bound, and
// when the caller's ctx ends. The error is the first of the replies'.
//
// The sending goes on when the caller stops waiting: a caller that waits three milliseconds
// must not cost a connection each time, nor hide from the breaker that a server is slow.
func (s *Store) do(ctx context.Context, op string, requests ...request) ([]reply, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	if err := s.shut(requests); err != nil {
		s.metrics.Called(op, 0, err)
		return make([]reply, len(requests)), fmt.Errorf("%s: %w", op, err)
	}
	if !s.enter() {
		return make([]reply, len(requests)), fmt.Errorf("%s: %w: it was closed", op, store.ErrUnavailable)
	}
	start := time.Now()
	type outcome struct {
		replies []reply
		err     error
	}
	answered := make(chan outcome, 1)
	go func() { // Run waits for it
		defer s.calls.Done()
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.bounds.Call)
		defer cancel()
		replies := s.send(bound, requests)
		err := first(op, replies)
		s.metrics.Called(op, time.Since(start), err)
		answered <- outcome{replies, err}
	}()
	select {
	case o := <-answered:
		return o.replies, o.err
	case <-ctx.Done():
		s.metrics.GivenUp(op)
		return make([]reply, len(requests)), fmt.Errorf("%s: %w: %w", op, store.ErrUnknown, ctx.Err())
	}
}

// shut says at once when calls to every server that is asked for are cut off.
func (s *Store) shut(requests []request) error {
	var to *server
	for i := range requests {
		if to = s.servers.known(requests[i].key); to == nil || to.breaker.allows() {
			return nil
		}
	}
	return to.cutOff()
}

// enter says that a call begins, unless the store is closed.
func (s *Store) enter() bool {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return false
	}
	s.calls.Add(1)
	return true
}

func first(op string, replies []reply) error {
	for _, r := range replies {
		if r.err != nil {
			return fmt.Errorf("%s: %w", op, r.err)
		}
	}
	return nil
}

// rounds bounds how often a reply may say "not here" or "I do not know that script": each
// says that nothing was done.
const rounds = 3

// send sends requests where their keys are.
func (s *Store) send(ctx context.Context, requests []request) []reply {
	replies := make([]reply, len(requests))
	open := make([]int, len(requests))
	for i := range open {
		open[i] = i
	}
	for round := 1; len(open) > 0; round++ {
		last := round == rounds
		var again []int
		for _, batch := range s.batches(ctx, requests, replies, open) {
			again = append(again, s.settle(batch, requests, replies, last)...)
		}
		open = again
	}
	return replies
}

// batch is what goes to one server at once.
type batch struct {
	to      *server
	indices []int
	cmds    []*goredis.Cmd
}

// batches sends what is open, to all servers at once, and returns once all have answered.
// What has no server to go to has its reply.
func (s *Store) batches(ctx context.Context, requests []request, replies []reply, open []int) []*batch {
	byServer := map[*server]*batch{}
	var all []*batch
	for _, i := range open {
		to, err := s.target(ctx, requests[i])
		if err != nil {
			replies[i] = reply{err: err}
			continue
		}
		b := byServer[to]
		if b == nil {
			b = &batch{to: to}
			byServer[to] = b
			all = append(all, b)
		}
		b.indices = append(b.indices, i)
	}
	if len(all) == 1 {
		all[0].send(ctx, requests)
		return all
	}
	done := make(chan struct{}, len(all))
	for _, b := range all {
		go func() { // waited for below
			b.send(ctx, requests)
			done <- struct{}{}
		}()
	}
	for range all {
		<-done
	}
	return all
}

// target is the server for a request, when calls to it are let through.
func (s *Store) target(ctx context.Context, r request) (*server, error) {
	to := r.at
	if to == nil {
		found, err := s.servers.find(ctx, r.key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
		to = found
	}
	if !to.breaker.allows() {
		return nil, to.cutOff()
	}
	return to, nil
}

func (b *batch) send(ctx context.Context, requests []request) {
	b.cmds = make([]*goredis.Cmd, len(b.indices))
	for n, i := range b.indices {
		b.cmds[n] = goredis.NewCmd(ctx, requests[i].words...)
	}
	if len(b.cmds) == 1 && !requests[b.indices[0]].asking {
		_ = b.to.client.Process(ctx, b.cmds[0]) // its error is in the command
		return
	}
	pipe := b.to.client.Pipeline()
	for n, i := range b.indices {
		if requests[i].asking {
			_ = pipe.Do(ctx, "ASKING")
		}
		_ = pipe.Process(ctx, b.cmds[n])
	}
	_, _ = pipe.Exec(ctx) // so are theirs
}

// settle files the replies of a batch, and returns the requests that are to be sent again:
// those that were not done.
func (s *Store) settle(b *batch, requests []request, replies []reply, last bool) (again []int) {
	var failure error
	for n, i := range b.indices {
		value, err := b.cmds[n].Result()
		if !last && s.redo(b.to, &requests[i], err) {
			again = append(again, i)
			continue
		}
		result, blame := judge(err)
		if result == nil {
			replies[i] = reply{value: value}
			continue
		}
		replies[i] = reply{err: result}
		failure = blame
	}
	b.to.breaker.report(failure)
	if isSignedOut(failure) {
		s.conns.retire() // new ones sign in
	}
	return again
}

// redo prepares a request that was refused for what can be put right at once.
func (s *Store) redo(asked *server, r *request, err error) bool {
	if err == nil {
		return false
	}
	if r.script != nil && r.words[0] == "EVALSHA" && goredis.HasErrorPrefix(err, "NOSCRIPT") {
		r.words[0], r.words[1] = "EVAL", r.script.text
		return true
	}
	if to, asking := s.servers.redirect(asked, err); to != nil {
		r.at, r.asking = to, asking
		return true
	}
	return false
}

var errNotTable = errors.New("redis answered something else than a table")

// table is the reply of a script.
func (r reply) table() ([]any, error) {
	if rows, ok := r.value.([]any); ok {
		return rows, nil
	}
	return nil, fmt.Errorf("%w: %T", errNotTable, r.value)
}
