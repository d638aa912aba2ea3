package admin

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
	"sluicegate.dev/sluice/routing/odoo"
)

// planOf is what a request asks for, on top of what the tenant declares.
func (s *Server) planOf(t *routing.Tenant, in api.CutoverRequest) (cutover.Plan, error) {
	p := s.config.Runtime.Plan(t.Name, cutover.Strategy(in.Strategy))
	p.To = in.To
	p.SkipPreflight = p.SkipPreflight || in.SkipPreflight
	if len(in.Classes) > 0 || len(in.Paths) > 0 {
		p.Scope = routing.Scope{Classes: classes(in.Classes), Paths: in.Paths}
	}
	if in.Mode != "" {
		p.Mode = routing.Mode(in.Mode)
	}
	var err error
	for _, f := range []struct {
		name, text string
		to         *time.Duration
	}{{"deadline", in.Deadline, &p.Deadline}, {"idle", in.Idle, &p.Idle}, {"watch", in.Watch, &p.Watch}} {
		if *f.to, err = span(f.name, f.text, *f.to); err != nil {
			return p, err
		}
	}
	if len(in.Shares) > 0 {
		if p.Shares, err = shares(in.Shares); err != nil {
			return p, err
		}
	}
	if in.Hold != nil {
		if p.Hold, err = bounds(*in.Hold, p.Hold); err != nil {
			return p, err
		}
	}
	if in.Gates != nil {
		if p.Gates, err = gates(*in.Gates); err != nil {
			return p, err
		}
	}
	if in.External != nil {
		if err = s.external(&p, *in.External); err != nil {
			return p, err
		}
	}
	return p.WithDefaults(), nil
}

func classes(names []string) []odoo.Class {
	out := make([]odoo.Class, 0, len(names))
	for _, name := range names {
		out = append(out, odoo.Class(name))
	}
	return out
}

func shares(in []api.Share) ([]cutover.Share, error) {
	out := make([]cutover.Share, 0, len(in))
	for _, one := range in {
		d, err := span("shares.for", one.For, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, cutover.Share{Percent: one.Percent, For: d})
	}
	return out, nil
}

func bounds(in api.HoldBounds, h routing.Hold) (routing.Hold, error) {
	var err error
	if h.Wait, err = span("hold.wait", in.Wait, h.Wait); err != nil {
		return h, err
	}
	if in.Count > 0 {
		h.Count = in.Count
	}
	if in.Bytes > 0 {
		h.Bytes = in.Bytes
	}
	if len(in.Classes) > 0 {
		h.Classes = classes(in.Classes)
	}
	return h, nil
}

func gates(in api.Gates) (cutover.Gates, error) {
	window, err := span("gates.window", in.Window, 0)
	return cutover.Gates{
		Requests: in.Requests, Failures: in.Failures, MoreThan: in.MoreThan, Latency: in.Latency, Window: window, Rollback: in.Rollback,
	}, err
}

func (s *Server) external(p *cutover.Plan, in api.ExternalStep) error {
	deadline, err := span("external.deadline", in.Deadline, 0)
	if err != nil {
		return err
	}
	if in.Webhook != "" {
		if err := s.config.Runtime.Outgoing(in.Webhook); err != nil {
			return huma.Error422UnprocessableEntity("external.webhook: " + err.Error())
		}
	}
	p.External, p.NoReturn = &cutover.External{Webhook: in.Webhook, Deadline: deadline}, in.NoReturn
	return nil
}
