package plugins

import (
	"net/http"

	"sluicegate.dev/sluice/routing"
)

type exchange = routing.Exchange

// withExchange hands a step the exchange that Admit made. A request without one never
// passed the guard, so it is not served.
func withExchange(step func(http.ResponseWriter, *http.Request, *exchange)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := routing.FromContext(r.Context())
		if x == nil {
			http.Error(w, "not admitted", http.StatusInternalServerError)
			return
		}
		step(w, r, x)
	})
}
