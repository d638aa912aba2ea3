package plugins

import "net/http"

// steps puts the request path together, outermost first. The guard has run already (it
// must see the request before any middleware of Traefik does); login takes its place between
// the database check and the limit.
func (p *Path) steps() http.Handler {
	path := p.deps.Upstream
	for _, wrap := range []func(http.Handler) http.Handler{
		p.limit,
		p.checkDatabase,
		p.steer,
		p.deps.Arrive,
		answerRefused,
		nameRequest,
		p.measure,
	} {
		path = wrap(path)
	}
	return path
}

// nameRequest puts the request id on the answer, whoever writes it.
func nameRequest(next http.Handler) http.Handler {
	return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
		w.Header()["X-Request-Id"] = []string{x.RequestID}
		next.ServeHTTP(w, r)
	})
}
