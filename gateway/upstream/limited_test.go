package upstream

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// The fields that a step in front has set stay, those of a server do not, and a redirect shows
// none: a client that waits for its budget must not wait before it follows.
func TestFieldsOfLimits(t *testing.T) {
	for status, shown := range map[int]string{200: "ours", 303: "", 404: "ours"} {
		to := http.Header{"Ratelimit": {"ours"}, "Ratelimit-Policy": {"ours"}}
		from := &http.Response{StatusCode: status, Header: http.Header{"Ratelimit": {"theirs"}, "Ratelimit-Policy": {"theirs"}, "X-Other": {"kept"}}}
		copyHeader(to, from, false)
		if to.Get("RateLimit") != shown || to.Get("RateLimit-Policy") != shown || to.Get("X-Other") != "kept" {
			t.Errorf("%d: got %v", status, to)
		}
	}
}

// Odoo does not say that a sign-in failed; it shows the form again.
func TestAFailedSignInIsOne(t *testing.T) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "text/html")
	response := recorder.Result()
	x := &routing.Exchange{RPC: odoo.Call{Service: "form", Method: "login", Login: "admin"}}
	if got := readOutcome(x, response, []byte("<html>")); got != odoo.BadCredentials {
		t.Errorf("the form again: %s", got)
	}
	x.RPC = odoo.Call{}
	if got := readOutcome(x, response, []byte("<html>")); got != odoo.OK {
		t.Errorf("a page: %s", got)
	}
}
