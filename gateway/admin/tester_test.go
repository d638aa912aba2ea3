package admin

import (
	"strings"
	"testing"
)

func TestTesterPass(t *testing.T) {
	cases := map[string]struct {
		tenant, body string
		role         Role
		status       int
		says         string
	}{
		"an operator gets one":               {"acme", `{"release":"blue","seconds":60,"reason":"look"}`, Operator, 200, `"pass":"t1.pass"`},
		"a viewer does not":                  {"acme", `{"release":"blue","seconds":60,"reason":"look"}`, Viewer, 403, "this needs operator"},
		"a tenant that is not there":         {"acne", `{"release":"blue","seconds":60,"reason":"look"}`, Operator, 404, "acme"},
		"a release that is not there":        {"acme", `{"release":"bleu","seconds":60,"reason":"look"}`, Operator, 422, "blue"},
		"a server that is not there":         {"acme", `{"release":"blue","backend":"b99","seconds":60,"reason":"look"}`, Operator, 422, "b99"},
		"without a reason":                   {"acme", `{"release":"blue","seconds":60,"reason":""}`, Operator, 422, "reason"},
		"for longer than a week":             {"acme", `{"release":"blue","seconds":604801,"reason":"look"}`, Operator, 422, "seconds"},
		"a field that is not of the request": {"acme", `{"release":"blue","seconds":60,"reason":"look","all":true}`, Operator, 422, "all"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			response, text := ask(t, newServer(t, sample(), nil).remote(), "POST", "/api/v1/tenants/"+c.tenant+"/tester", c.body, as(c.role))
			if response.StatusCode != c.status || !strings.Contains(text, c.says) {
				t.Errorf("got %d %s", response.StatusCode, text)
			}
		})
	}
}
