package conduct

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

// step is something that takes its time and is run beside the ticks.
type step string

const (
	preflight step = "preflight"
	external  step = "external"
	verify    step = "verify"
	check     step = "check"
)

// again is how long a failed step rests before it is run again, where the model still wants
// it. An external step is never run again: somebody must look at what it did.
func (s step) again() (rest time.Duration, ok bool) {
	switch s {
	case external:
		return 0, false
	case verify:
		return time.Second, true
	default:
		return 5 * time.Second, true
	}
}

// steps are those of one cutover that run or have run in its present phase.
type steps struct {
	*Conductor
	phase   cutover.Phase
	runs    map[step]*run
	running sync.WaitGroup
}

// run is one step's. While it is run again its last result stands.
type run struct {
	cancel context.CancelFunc

	mu     sync.Mutex
	busy   bool
	ended  time.Time
	result *cutover.Result // nil: none yet, or somebody else will say
}

func newSteps(c *Conductor) *steps { return &steps{Conductor: c, runs: map[step]*run{}} }

// want starts what is wanted and does not run, and ends what is not wanted any more.
func (s *steps) want(ctx context.Context, cut cutover.Cutover, w cutover.Wants) {
	if cut.Phase != s.phase {
		s.stop()
		s.phase = cut.Phase
	}
	for name, wanted := range map[step]bool{preflight: w.Preflight, external: w.External, verify: w.Verify, check: w.Check} {
		r := s.runs[name]
		switch {
		case !wanted && r != nil:
			r.cancel()
			delete(s.runs, name)
		case wanted && r == nil:
			s.runs[name] = &run{}
			s.start(ctx, name, s.runs[name], cut)
		case wanted && r.due(name):
			s.start(ctx, name, r, cut)
		}
	}
}

// due says whether a step that has failed is to be run again.
func (r *run) due(name step) bool {
	rest, again := name.again()
	r.mu.Lock()
	defer r.mu.Unlock()
	return again && !r.busy && r.result != nil && !r.result.OK && time.Since(r.ended) >= rest
}

func (s *steps) start(ctx context.Context, name step, r *run, cut cutover.Cutover) {
	ctx, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	r.cancel, r.busy = cancel, true
	r.mu.Unlock()
	s.running.Go(func() {
		defer cancel()
		result := s.perform(ctx, name, cut)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.busy, r.ended = false, time.Now()
		if ctx.Err() != nil || result == nil {
			return // not wanted any more, or somebody will confirm
		}
		s.metrics.stepped(name, result)
		r.result = result
	})
}

func (s *steps) perform(ctx context.Context, name step, cut cutover.Cutover) *cutover.Result {
	if name == external {
		return s.runExternal(ctx, cut)
	}
	if name == check {
		if cut.Plan.Check == nil {
			return &cutover.Result{OK: true, Text: "no check of the standby is declared: an operator has decided"}
		}
		r := s.tryCheck(ctx, *cut.Plan.Check)
		return &r
	}
	t := s.cfg.Tenant(cut.Tenant)
	if t == nil {
		return &cutover.Result{Text: fmt.Sprintf("tenant %s is not declared any more: declare it again, or abort", cut.Tenant)}
	}
	if name == preflight {
		r := summary(s.Preflight(ctx, t, cut.From, cut.Plan.To))
		return &r
	}
	r := s.runVerify(ctx, t, cut)
	return &r
}

// results puts what is known into an observation of the phase that it was found in.
func (s *steps) results(cut *cutover.Cutover, o *cutover.Observation) {
	if cut.Phase != s.phase {
		return
	}
	o.Preflight, o.External, o.Verify, o.Check = s.result(preflight), s.result(external), s.result(verify), s.result(check)
}

func (s *steps) result(name step) *cutover.Result {
	r := s.runs[name]
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result
}

// stop ends all of them and waits.
func (s *steps) stop() {
	for _, r := range s.runs {
		r.cancel()
	}
	s.running.Wait()
	s.runs, s.phase = map[step]*run{}, ""
}
