package limits

import (
	"net/http"
	"net/netip"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Route is a limit on a route that is no tenant's.
type Route struct {
	// Scope names the budgets, in metrics too. Routes of one scope and policy share theirs; so
	// does a tenant of that name.
	Scope string
	// Policy is asked for each request, so that a change of the configuration holds at once.
	Policy func() *routing.LimitPolicy
	// Client says where a request comes from.
	Client func(*http.Request) netip.Addr
}

// Route holds what next serves to a limit. The same limiter decides, so replicas share the
// budgets as they do those of tenants.
func (l *Limits) Route(next http.Handler, route Route) http.Handler {
	tenant := &routing.Tenant{Name: route.Scope}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &routing.Exchange{Client: route.Client(r)}
		x.Tenant, x.Path = tenant, r.URL.Path
		v := &Visit{
			limits: l, x: x, scope: route.Scope, caller: l.callerAt(x.Client, defaultIPv6),
			rules: matched{policies: []*routing.LimitPolicy{route.Policy()}}, started: l.now(),
		}
		if v.rules.byKey() {
			l.keyCaller(v.caller, r.Header, x)
		}
		v, refusal := v.enter(w, r)
		if refusal != nil {
			answer.Write(w, r, nil, *refusal)
			return
		}
		seen := &statusWriter{ResponseWriter: w, visit: v}
		defer func() {
			seen.judge()
			v.Leave(w.Header())
		}()
		next.ServeHTTP(seen, r)
	})
}

// statusWriter learns the status and when it came.
type statusWriter struct {
	http.ResponseWriter
	visit *Visit
}

// WriteHeader notes the first final status.
func (s *statusWriter) WriteHeader(code int) {
	if s.visit.x.Status == 0 && code >= 200 {
		s.visit.x.Status = code
		s.visit.x.Upstream = s.visit.limits.now().Sub(s.visit.started)
		if code >= 300 && code < 400 {
			// A client that waits for its budget must not wait before it follows.
			delete(s.Header(), limitField)
			delete(s.Header(), policyField)
		}
	}
	s.ResponseWriter.WriteHeader(code)
}

// Write is that of the writer behind, with the status that net/http would add.
func (s *statusWriter) Write(b []byte) (int, error) {
	if s.visit.x.Status == 0 {
		s.WriteHeader(http.StatusOK)
	}
	return s.ResponseWriter.Write(b)
}

// Flush is for those who ask for http.Flusher by type.
func (s *statusWriter) Flush() { _ = http.NewResponseController(s.ResponseWriter).Flush() }

// Unwrap gives http.ResponseController the writer behind.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// judge says what the status means.
func (s *statusWriter) judge() {
	x := s.visit.x
	x.Backend = s.visit.scope // somebody behind us answered
	switch {
	case x.Status == http.StatusUnauthorized || x.Status == http.StatusForbidden:
		x.Outcome = odoo.BadCredentials
	case x.Status >= 200 && x.Status < 400:
		x.Outcome = odoo.OK
	default:
		x.Outcome = odoo.Invalid
	}
}
