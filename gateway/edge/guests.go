package edge

import (
	"net/http"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
)

// guestPatience is how long a request waits for middlewares that were declared a moment
// ago. A reload takes tens of milliseconds, seconds with thousands of Traefik routers.
const guestPatience = 5 * time.Second

// guests are the tenants that pass through middlewares of Traefik's, as of one reload.
type guests struct {
	handler  http.Handler      // Traefik's routers of the tenants' entry point
	live     map[string]bool   // tenants whose router works
	broken   map[string]string // tenants whose router could not be built, and why
	replaced chan struct{}     // closed when a reload brings the next
}

// guestBook holds the current guests.
type guestBook struct{ current atomic.Pointer[guests] }

func (b *guestBook) replace(next *guests) {
	if previous := b.current.Swap(next); previous != nil {
		close(previous.replaced)
	}
}

// serve passes the request through its tenant's middlewares. It never goes around them: a
// middleware that cannot be built may be the one that keeps strangers out.
func (b *guestBook) serve(w http.ResponseWriter, r *http.Request, x *routing.Exchange) {
	patience := time.NewTimer(guestPatience)
	defer patience.Stop()
	for {
		g := b.current.Load()
		if g.live[x.Tenant.Name] {
			r.Header.Set(tenantHeader, x.Tenant.Name)
			g.handler.ServeHTTP(w, r)
			return
		}
		if why, broken := g.broken[x.Tenant.Name]; broken {
			refuseGuest(w, r, x, why)
			return
		}
		select {
		case <-g.replaced:
		case <-r.Context().Done():
			return
		case <-patience.C:
			refuseGuest(w, r, x, "")
			return
		}
	}
}

func refuseGuest(w http.ResponseWriter, r *http.Request, x *routing.Exchange, why string) {
	x.Status = http.StatusServiceUnavailable
	x.Cause = guestError(why)
	answer.Write(w, r, x, answer.Refusal{
		Status: http.StatusServiceUnavailable, Code: "middleware_unavailable", Title: "Not available at the moment",
		Detail:     "A part of this site's configuration is not in place. Please tell the operator.",
		RetryAfter: 10 * time.Second,
	})
}

// guestError says which middleware is missing; for the log, not the client.
type guestError string

func (e guestError) Error() string {
	if e == "" {
		return "the tenant's middlewares are not in place"
	}
	return "the tenant's middlewares cannot be built: " + string(e)
}
