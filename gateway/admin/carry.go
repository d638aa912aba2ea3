package admin

import (
	"context"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// What If-Match promises is looked at twice: early, so that the caller learns of it before
// anything is written down, and where the record is written, because two callers may both have
// come so far. The second look sees what the write replaces.

// change decides about a tenant, unless somebody else was faster.
func (s *Server) change(ctx context.Context, o order, tenant string, decide func(cutover.Record) (cutover.Record, error)) (cutover.Record, bool, error) {
	rec, shared, err := s.config.Runtime.Change(ctx, tenant, func(r cutover.Record) (cutover.Record, error) {
		tag, err := s.tenantTagAt(tenant, s.config.Runtime.Version(r))
		if err == nil {
			err = matched(o.Writing, tag, "tenant "+tenant)
		}
		if err != nil {
			return r, err
		}
		return decide(r)
	})
	return rec, shared, s.undone(ctx, o, err)
}

// changePool decides about a pool, unless somebody else was faster.
func (s *Server) changePool(ctx context.Context, o order, p *routing.Pool, decide func(cutover.Pool) (cutover.Pool, error)) (cutover.Pool, bool, error) {
	rec, shared, err := s.config.Runtime.ChangePool(ctx, p.Name, func(r cutover.Pool) (cutover.Pool, error) {
		tag, err := poolTagAt(p, s.config.Runtime.PoolVersion(r))
		if err == nil {
			err = matched(o.Writing, tag, "pool "+p.Name)
		}
		if err != nil {
			return r, err
		}
		return decide(r)
	})
	return rec, shared, s.undone(ctx, o, err)
}

// undone writes down that a change was not made although the audit log says that it was asked
// for, and answers why.
func (s *Server) undone(ctx context.Context, o order, err error) error {
	if err == nil {
		return nil
	}
	o.operation += ".refused"
	o.body = map[string]string{"because": err.Error()}
	if noted := s.noted(ctx, o); noted != nil {
		return noted
	}
	return refused(err)
}
