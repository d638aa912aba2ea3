package conduct

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

func TestStandbyCheck(t *testing.T) {
	for rule, c := range map[string]struct {
		status int
		body   string
		ok     bool
		says   string
	}{
		"writable, and near":        {200, `{"writable": true, "lagSeconds": 0.4}`, true, "writable, 400ms behind"},
		"exactly as far as allowed": {200, `{"writable": true, "lagSeconds": 5}`, true, ""},
		"too far":                   {200, `{"writable": true, "lagSeconds": 5.1}`, false, "5.1s behind, 5s are allowed"},
		"a lag before its time":     {200, `{"writable": true, "lagSeconds": -1}`, false, "behind"},
		"not writable":              {200, `{"writable": false, "lagSeconds": 0}`, false, "promote it"},
		"no word on writing":        {200, `{"lagSeconds": 0}`, false, "must answer"},
		"no word on the lag":        {200, `{"writable": true}`, false, "must answer"},
		"a lag that is no number":   {200, `{"writable": true, "lagSeconds": "0"}`, false, "must answer"},
		"no JSON":                   {200, `<html>It works!</html>`, false, "must answer"},
		"empty":                     {200, ``, false, "must answer"},
		"a page that fails":         {503, `{"writable": true, "lagSeconds": 0}`, false, "answers 503"},
		"a page elsewhere":          {302, `{"writable": true, "lagSeconds": 0}`, false, "answers 302"},
	} {
		t.Run(rule, func(t *testing.T) {
			page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer page.Close()
			r := only(Config{}).runCheck(t.Context(), cutover.Check{URL: page.URL, MaxLag: 5 * time.Second})
			if r.OK != c.ok || !strings.Contains(r.Text, c.says) {
				t.Errorf("got %+v", r)
			}
		})
	}
	if r := only(Config{}).runCheck(t.Context(), cutover.Check{URL: "http://127.0.0.1:1/"}); r.OK || !strings.Contains(r.Text, "does not answer") {
		t.Errorf("a check that is away: %+v", r)
	}
}

func FuzzStandbyCheck(f *testing.F) {
	f.Add([]byte(`{"writable": true, "lagSeconds": 0.4}`))
	f.Add([]byte(`{"writable": true, "lagSeconds": 1e308}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := judgeStandby(cutover.Check{MaxLag: time.Second}, body)
		if r.OK && !strings.Contains(string(body), "true") {
			t.Errorf("%s passes: %+v", body, r)
		}
		if r.Text == "" {
			t.Errorf("%s: nothing is said", body)
		}
	})
}
