package conduct

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// runVerify asks every backend of the new side that is in service. The model waits: servers
// that were just upgraded start slowly, so it is asked again until the step's time is over.
func (c *Conductor) runVerify(ctx context.Context, t *routing.Tenant, cut cutover.Cutover) cutover.Result {
	s, err := sidesOf(t, cut.From, cut.Plan.To)
	if err != nil {
		return cutover.Result{Text: err.Error()}
	}
	paths := cut.Plan.Verify.Paths
	if len(paths) == 0 {
		paths = []string{healthOf(s.to.Pool), "/web/login"}
	}
	return c.verifyOnce(ctx, s, paths)
}

func (c *Conductor) verifyOnce(ctx context.Context, s sides, paths []string) cutover.Result {
	var mu sync.Mutex
	var wrong []string
	count := 0
	var group errgroup.Group
	group.SetLimit(preflightAtOnce)
	for _, b := range s.to.Pool.Backends {
		if c.state(s.to.Pool.Name, b.Name) == cutover.OutOfOrder {
			continue
		}
		count++
		group.Go(func() error {
			for _, path := range paths {
				if why := c.verifyPath(ctx, s, b.Name, path); why != "" {
					mu.Lock()
					defer mu.Unlock()
					wrong = append(wrong, why)
					break
				}
			}
			return nil
		})
	}
	_ = group.Wait() // what is wrong is in the list
	switch {
	case count == 0:
		return cutover.Result{Text: fmt.Sprintf("pool %s has no backend in service: set one ready", s.to.Pool.Name)}
	case len(wrong) > 0:
		return cutover.Result{Text: few(wrong)}
	}
	return cutover.Result{OK: true, Text: fmt.Sprintf("all %d backends of pool %s serve", count, s.to.Pool.Name)}
}

// verifyPath says what is wrong with one page of one backend.
func (c *Conductor) verifyPath(ctx context.Context, s sides, backend, path string) string {
	reply, err := c.cfg.Ask.Ask(ctx, upstream.Question{Tenant: s.tenant, Release: s.to, Backend: backend, Host: s.host, Scheme: "https", Path: path})
	name := s.to.Pool.Name + "/" + backend
	switch {
	case err != nil:
		return fmt.Sprintf("%s does not answer %s: %s", name, path, brief(err.Error()))
	case choosesDatabase(answer{Reply: reply}):
		return fmt.Sprintf("%s asks visitors to choose a database instead of opening %s", name, databaseName(s.to))
	case reply.Status >= http.StatusBadRequest:
		return fmt.Sprintf("%s answers %s with %d", name, path, reply.Status)
	}
	return ""
}
