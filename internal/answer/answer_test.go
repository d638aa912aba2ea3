package answer

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s; got:\n%s", path, got)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the files in testdata")
	os.Exit(m.Run())
}

func refusal() Refusal {
	return Refusal{
		Status: http.StatusServiceUnavailable, Code: "backend_down", Title: "Odoo <is> away",
		Detail: `It does not answer & will be "back".`, RetryAfter: 1500 * time.Millisecond,
	}
}

func write(r *http.Request, refusal Refusal) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	Write(w, r, &routing.Exchange{RequestID: "req-1"}, refusal)
	return w
}

func TestEachCallerGetsItsShape(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path string
		header       map[string]string
		body         string
		file, kind   string
	}{
		"a person sees a page":                      {"GET", "/odoo", map[string]string{"Accept": "text/html,*/*"}, "", "page.html", "text/html"},
		"a navigation sees a page":                  {"POST", "/web/login", map[string]string{"Sec-Fetch-Mode": "navigate"}, "", "page.html", "text/html"},
		"the web client gets no JSON":               {"POST", "/web/dataset/call_kw/res.partner/read", map[string]string{"Content-Type": "application/json", "Accept": "*/*"}, "{}", "plain.txt", "text/plain"},
		"a fetch for HTML by script gets no page":   {"GET", "/web", map[string]string{"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, "", "plain.txt", "text/plain"},
		"a program gets a line":                     {"GET", "/web/content/1", nil, "", "plain.txt", "text/plain"},
		"XML-RPC gets a fault":                      {"POST", "/xmlrpc/2/object", nil, "", "xmlrpc2.xml", "text/xml"},
		"XML-RPC behind a language too":             {"POST", "/en/xmlrpc/2/object", nil, "", "xmlrpc2.xml", "text/xml"},
		"the first XML-RPC has codes that are text": {"POST", "/xmlrpc/object", nil, "", "xmlrpc1.xml", "text/xml"},
		"JSON-RPC gets its id back":                 {"POST", "/jsonrpc", map[string]string{"Content-Type": "application/json"}, `{"jsonrpc":"2.0","id":7,"params":{}}`, "jsonrpc.json", "application/json"},
		"JSON-RPC without an id in hand gets null":  {"POST", "/jsonrpc", nil, `{"id":{"a":1}}`, "jsonrpc-null.json", "application/json"},
		"JSON-2 gets a bare body":                   {"POST", "/json/2/res.partner/read", map[string]string{"Content-Type": "application/json"}, "{}", "json2.json", "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.path, nil)
			for k, v := range tc.header {
				r.Header.Set(k, v)
			}
			r.Body = spooled(t, tc.body)
			w := write(r, refusal())
			golden(t, tc.file, w.Body.Bytes())
			if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, tc.kind) {
				t.Errorf("content type %q, want %q", kind, tc.kind)
			}
			if w.Code != http.StatusServiceUnavailable {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

func limited() Refusal {
	return Refusal{
		Status: http.StatusTooManyRequests, Code: "rate_limited", Title: "Rate limit exceeded",
		Detail: "Limit integrations: retry in 3 s.", RetryAfter: 3 * time.Second,
		Type: TypeQuota, Violated: []string{"integrations"},
	}
}

func TestALimitSaysWhenToComeBackInEachProtocol(t *testing.T) {
	for name, tc := range map[string]struct {
		path   string
		header map[string]string
		body   string
		file   string
		kind   string
	}{
		"XML-RPC":              {"/xmlrpc/2/object", nil, "", "limit-xmlrpc2.xml", "text/xml; charset=utf-8"},
		"the first XML-RPC":    {"/xmlrpc/object", nil, "", "limit-xmlrpc1.xml", "text/xml; charset=utf-8"},
		"JSON-RPC":             {"/jsonrpc", nil, `{"id":7}`, "limit-jsonrpc.json", "application/json"},
		"JSON-2":               {"/json/2/res.partner/read", nil, "{}", "limit-json2.json", "application/json"},
		"JSON-2 with problems": {"/json/2/res.partner/read", map[string]string{"Accept": "application/problem+json"}, "{}", "limit-json2.json", "application/problem+json"},
		"a webhook":            {"/web/hook/1", nil, "{}", "limit-problem.json", "application/problem+json"},
		"the web client":       {"/web/dataset/call_kw", map[string]string{"Content-Type": "application/json"}, `{"id":8}`, "limit-web.json", "application/json"},
		"a person":             {"/web/login", map[string]string{"Accept": "text/html"}, "", "limit-page.html", "text/html; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", tc.path, nil)
			for k, v := range tc.header {
				r.Header.Set(k, v)
			}
			r.Body = spooled(t, tc.body)
			w := write(r, limited())
			golden(t, tc.file, w.Body.Bytes())
			if w.Code != 429 || w.Header().Get("Content-Type") != tc.kind || w.Header().Get("Retry-After") != "3" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("got %d %v", w.Code, w.Header())
			}
			if text := strings.ToLower(w.Body.String()); !strings.Contains(text, "rate limit") || !strings.Contains(text, "3 s") {
				t.Errorf("it does not say so: %s", w.Body)
			}
		})
	}
}

func spooled(t *testing.T, content string) *spool.Body {
	t.Helper()
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	body, err := space.ReadBody(strings.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = body.Close() })
	return body
}

func TestHeadersSayWhenToComeBackAndStoreNothing(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	w.Header().Set("Etag", "stale")
	x := refusal()
	x.Header = http.Header{"Sec-Websocket-Version": {"13"}}
	Write(w, r, &routing.Exchange{RequestID: "req-1"}, x)
	for name, want := range map[string]string{
		"Retry-After": "2", "Cache-Control": "no-store", "X-Request-Id": "req-1", "Etag": "", "Connection": "",
		"Sec-Websocket-Version": "13",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestHeadHasNoBodyButItsLength(t *testing.T) {
	w := write(httptest.NewRequest("HEAD", "/", nil), refusal())
	if w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("%d bytes, length %s", w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

func TestWithoutAnExchangeThePathDecides(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, httptest.NewRequest("POST", "/xmlrpc/2/common", nil), nil, refusal())
	if !strings.Contains(w.Body.String(), "faultCode") || w.Header().Get("X-Request-Id") != "" {
		t.Errorf("got %q, %v", w.Body, w.Header())
	}
}

func TestShapesAreWellFormed(t *testing.T) {
	hostile := Refusal{Status: 429, Code: "x", Title: "]]></string>\x00\"", Detail: "<script>\u2028{{.}}"}
	for _, path := range []string{"/xmlrpc/2/object", "/xmlrpc/object"} {
		w := write(httptest.NewRequest("POST", path, nil), hostile)
		decoder := xml.NewDecoder(w.Body)
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
	}
	for _, path := range []string{"/jsonrpc", "/json/2/a/b"} {
		if w := write(httptest.NewRequest("POST", path, nil), hostile); !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/html")
	if w := write(r, hostile); strings.Contains(w.Body.String(), "<script>") {
		t.Error("the page does not escape")
	}
}
