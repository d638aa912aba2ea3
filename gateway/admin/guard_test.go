package admin

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/gateway/admin/api"
)

const wish = `{"digest": "01234567", "reason": "they moved"}`

// Rows A01 to A03 of the security table, over TCP.
func TestRemoteGuards(t *testing.T) {
	cases := map[string]struct {
		method, path, body string
		headers            map[string]string
		status             int
	}{
		"a viewer reads":                                {path: "/api/v1/status", headers: as(Viewer), status: 200},
		"a scheme in lower case is fine":                {path: "/api/v1/status", headers: map[string]string{"Authorization": "bearer " + tokens[Viewer]}, status: 200},
		"no token":                                      {path: "/api/v1/status", status: 401},
		"a wrong token":                                 {path: "/api/v1/status", headers: map[string]string{"Authorization": "Bearer nonsense"}, status: 401},
		"a token with a blank at the end":               {path: "/api/v1/status", headers: map[string]string{"Authorization": "Bearer " + tokens[Viewer] + " x"}, status: 401},
		"basic authentication":                          {path: "/api/v1/status", headers: map[string]string{"Authorization": "Basic " + tokens[Viewer]}, status: 401},
		"the description needs a token too":             {path: "/api/v1/openapi.json", status: 401},
		"an unknown path says nothing without a token":  {path: "/api/v1/secret", status: 401},
		"an operator confirms":                          {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: as(Operator), status: 200},
		"a viewer may not confirm":                      {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: as(Viewer), status: 403},
		"a page of another origin":                      {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Origin", "https://evil.example"), status: 403},
		"an opaque origin":                              {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Origin", "null"), status: 403},
		"a cross-site fetch":                            {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Sec-Fetch-Site", "cross-site"), status: 403},
		"our own page":                                  {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Origin", "http://127.0.0.1:9080"), status: 200},
		"a form":                                        {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Content-Type", "application/x-www-form-urlencoded"), status: 403},
		"JSON that calls itself text":                   {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Content-Type", "text/plain; charset=utf-8"), status: 403},
		"another body type":                             {method: "POST", path: "/api/v1/config/confirm", body: wish, headers: with(as(Admin), "Content-Type", "application/xml"), status: 415},
		"a rebound name":                                {path: "/api/v1/status", headers: with(as(Admin), "Host", "evil.example"), status: 421},
		"a name that only starts like ours":             {path: "/api/v1/status", headers: with(as(Admin), "Host", "localhost.evil.example"), status: 421},
		"an address that was not connected to":          {path: "/api/v1/status", headers: with(as(Admin), "Host", "10.9.9.9:9080"), status: 421},
		"no name":                                       {path: "/api/v1/status", headers: with(as(Admin), "Host", ""), status: 421},
		"a configured name":                             {path: "/api/v1/status", headers: with(as(Admin), "Host", "ADMIN.example.:9080"), status: 200},
		"localhost":                                     {path: "/api/v1/status", headers: with(as(Admin), "Host", "localhost:9080"), status: 200},
		"double slash in front":                         {path: "//api/v1/status", headers: as(Admin), status: 400},
		"double slash inside":                           {path: "/api/v1//status", headers: as(Admin), status: 400},
		"slash at the end":                              {path: "/api/v1/status/", headers: as(Admin), status: 400},
		"dot segments":                                  {path: "/api/v1/x/../status", headers: as(Admin), status: 400},
		"dot segments with a parameter":                 {path: "/api/v1/x/..;/status", headers: as(Admin), status: 404},
		"an encoded letter":                             {path: "/api/v1/%73tatus", headers: as(Admin), status: 400},
		"an encoded slash":                              {path: "/api/v1/tenants/a%2Fstatus", headers: as(Admin), status: 400},
		"another case":                                  {path: "/API/v1/status", headers: as(Admin), status: 404},
		"a prefix of an operation":                      {path: "/api/v1/statusx", headers: as(Admin), status: 404},
		"liveness needs nothing":                        {path: "/ping", headers: map[string]string{"Host": "pod.cluster"}, status: 200},
		"readiness needs nothing":                       {path: "/ready", headers: map[string]string{"Host": "pod.cluster"}, status: 200},
		"a probe in another spelling":                   {path: "//ping", status: 400},
		"a method that the path does not have":          {method: "PUT", path: "/api/v1/status", body: "{}", headers: as(Admin), status: 405},
		"a viewer learns nothing from a wrong method":   {method: "TRACE", path: "/api/v1/config/confirm", headers: as(Viewer), status: 405},
		"a body that is too large":                      {method: "POST", path: "/api/v1/config/confirm", body: `{"reason":"` + strings.Repeat("x", 8<<10) + `"}`, headers: as(Admin), status: 413},
		"a reason of blanks is refused by its length":   {method: "POST", path: "/api/v1/config/confirm", body: `{"digest":"01234567","reason":""}`, headers: as(Admin), status: 422},
		"a field that does not exist is not overlooked": {method: "POST", path: "/api/v1/config/confirm", body: `{"digest":"01234567","reason":"abc","actor":"x"}`, headers: as(Admin), status: 422},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newServer(t, sample(), nil).remote()
			method := c.method
			if method == "" {
				method = "GET"
			}
			response, text := ask(t, h, method, c.path, c.body, c.headers)
			if response.StatusCode != c.status {
				t.Fatalf("got %d %s, want %d", response.StatusCode, text, c.status)
			}
			if c.status < 400 {
				return
			}
			if kind := response.Header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("content type %q: %s", kind, text)
			}
			if p := decode[api.ProblemDetails](t, text); p.Status != c.status || p.Detail == "" {
				t.Errorf("problem: %s", text)
			}
		})
	}
}

func with(headers map[string]string, name, value string) map[string]string {
	headers = maps.Clone(headers)
	headers[name] = value
	return headers
}

func TestTwoAuthorizationHeadersAreNoLogin(t *testing.T) {
	h := newServer(t, sample(), nil).remote()
	response, _ := ask(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Add("Authorization", "Bearer other")
		h.ServeHTTP(w, r)
	}), "GET", "/api/v1/status", "", as(Admin))
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d", response.StatusCode)
	}
}

func TestConfirm(t *testing.T) {
	cases := map[string]struct {
		change func(*fake)
		body   string
		status int
		says   string
	}{
		"the first characters of the digest are enough": {nil, wish, 200, `"gone"`},
		"another digest":       {nil, `{"digest":"ffffffff","reason":"abc"}`, 412, "0123456789abcdef"},
		"nothing waits":        {func(f *fake) { f.snapshot.Pending = nil }, wish, 409, "no removal waits"},
		"it changed meanwhile": {func(f *fake) { f.fails = errTooLate }, wish, 409, "the change is gone"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			gateway := sample()
			if c.change != nil {
				c.change(gateway)
			}
			response, text := ask(t, newServer(t, gateway, nil).local(), "POST", "/api/v1/config/confirm", c.body, nil)
			if response.StatusCode != c.status || !strings.Contains(text, c.says) {
				t.Errorf("got %d %s", response.StatusCode, text)
			}
			if confirmed := len(gateway.confirmed) == 1; confirmed != (c.status == 200) {
				t.Errorf("confirmed: %v", gateway.confirmed)
			}
		})
	}
}
