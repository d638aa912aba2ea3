package standin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestStaticFilesNeedNoSession(t *testing.T) {
	s := start(t, Config{Workers: 1, Databases: []string{"a", "b"}, Release: "blue"})
	b := newBrowser(t, s.HTTPAddr())
	a := b.get("/web/static/src/app.js")
	want(t, "caching", a.Header.Get("Cache-Control"), "public, max-age=604800")
	want(t, "cookies", len(a.Header["Set-Cookie"]), 0)
	contains(t, "content", a.text, "blue")
	tag := a.Header.Get("ETag")
	want(t, "with its tag", b.get("/web/static/src/app.js", "If-None-Match", tag).StatusCode, 304)
	part := b.get("/web/static/size/1000.bin", "Range", "bytes=300-309")
	want(t, "range", part.StatusCode, 206)
	want(t, "its bytes", part.text, string(pattern(310)[300:]))
	want(t, "missing", b.get("/web/static/missing.js").StatusCode, 404)
	head := b.do("HEAD", "/web/static/size/1000.bin", "")
	want(t, "length by HEAD", head.ContentLength, int64(1000))
	green := newBrowser(t, start(t, Config{Release: "green"}).HTTPAddr()).get("/web/static/src/app.js")
	if green.Header.Get("ETag") == tag {
		t.Error("two releases share an entity tag")
	}
}

func TestAssetsBelongToARelease(t *testing.T) {
	s := start(t, Config{Release: "blue"})
	b := newBrowser(t, s.HTTPAddr())
	path := s.assetPath("web.assets_web.min.js")
	a := b.get(path)
	want(t, "caching", a.Header.Get("Cache-Control"), "public, max-age=31536000, immutable")
	if a.sid() == "" {
		t.Error("a client without cookies gets none")
	}
	want(t, "the second time", b.get(path).sid(), "")
	fresh := newBrowser(t, s.HTTPAddr()).get(path, "If-None-Match", a.Header.Get("ETag"))
	want(t, "unchanged", fresh.StatusCode, 304)
	if fresh.sid() == "" {
		t.Error("a 304 without a cookie")
	}
	wrong := newBrowser(t, start(t, Config{Release: "green"}).HTTPAddr()).get(path)
	want(t, "on another release", wrong.StatusCode, 303)
}

func TestContent(t *testing.T) {
	s := start(t, Config{Version: "18.0", Workers: 1})
	b := newBrowser(t, s.HTTPAddr())
	want(t, "big", b.get("/web/content/big?size=100000").text == string(pattern(100000)), true)
	want(t, "end of it", b.get("/web/content/big?size=100000", "Range", "bytes=-3").text, string(pattern(100000)[99997:]))
	want(t, "HEAD", b.do("HEAD", "/web/content/big?size=5", "").ContentLength, int64(5))
	named := b.get("/web/content/7/100%25%20%3f.pdf?download=1")
	want(t, "name", named.Header.Get("Content-Disposition"), "attachment; filename*=UTF-8''100%25%20%3F.pdf")
	want(t, "caching", b.get("/web/image/7?unique=1").Header.Get("Cache-Control"), "max-age=31536000, private, immutable")
	old := newBrowser(t, start(t, Config{Version: "17.0"}).HTTPAddr())
	want(t, "caching by 17", old.get("/web/image/7?unique=1").Header.Get("Cache-Control"), "public, max-age=31536000")
}

func TestReportsTakeTheirTime(t *testing.T) {
	s := start(t, Config{Workers: 1, ReportTime: 50 * time.Millisecond})
	b := newBrowser(t, s.HTTPAddr())
	want(t, "without a login", b.get("/report/pdf/sale.order/1").StatusCode, 303)
	b.login("admin", "admin")
	for path, least := range map[string]time.Duration{
		"/report/pdf/sale.order/1": 50 * time.Millisecond, "/report/pdf/sale.order/1?seconds=0.1": 100 * time.Millisecond,
	} {
		began := time.Now()
		a := b.get(path)
		contains(t, path, a.text, "%PDF-1.4")
		if took := time.Since(began); took < least {
			t.Errorf("%s took %v", path, took)
		}
	}
	download := b.form("/report/download", url.Values{"csrf_token": {csrfOfClient(t, b)}})
	contains(t, "download", download.Header.Get("Content-Disposition"), "report.pdf")
}

// csrfOfClient takes the token out of the web client's page.
func csrfOfClient(t *testing.T, b *browser) string {
	t.Helper()
	_, rest, ok := strings.Cut(b.get("/odoo").text, `csrf_token: "`)
	if !ok {
		t.Fatal("no csrf_token in the web client")
	}
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

func TestUpload(t *testing.T) {
	s := start(t, Config{Workers: 1})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	file := pattern(300000)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("csrf_token", csrfOfClient(t, b))
	part, err := form.CreateFormFile("ufile", "big.bin")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(file)
	form.Close()
	a := b.do("POST", "/web/binary/upload_attachment", body.String(), "Content-Type", form.FormDataContentType())
	sum := sha256.Sum256(file)
	contains(t, "answer", a.text, `"size":300000`)
	contains(t, "answer", a.text, hex.EncodeToString(sum[:]))
}

func TestFormLimits(t *testing.T) {
	for version, wanted := range map[string]int{"17.0": 400, "18.0": 413} {
		s := start(t, Config{Version: version})
		b := newBrowser(t, s.HTTPAddr())
		body := "x=" + strings.Repeat("y", 11<<20)
		a := b.do("POST", "/web/login", body, "Content-Type", "application/x-www-form-urlencoded")
		want(t, version, a.StatusCode, wanted)
	}
	conn := dial(t, start(t, Config{Workers: 1}).HTTPAddr())
	io.WriteString(conn, "POST /web/login HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 134217729\r\n\r\n")
	all, _ := io.ReadAll(conn)
	contains(t, "multipart", string(all), "413")
}

func TestOwnRoutes(t *testing.T) {
	s := start(t, Config{Workers: 1, Name: "one"})
	http10, http11 := newBrowser(t, s.HTTPAddr()), newBrowser(t, s.RealtimeAddr())
	for name, b := range map[string]*browser{"http": http10, "realtime": http11} {
		events := b.get("/standin/events?n=3&every=0.01")
		want(t, name+" events type", events.Header.Get("Content-Type"), "text/event-stream")
		want(t, name+" events", strings.Count(events.text, "\n\n"), 3)
		want(t, name+" stream", b.get("/standin/stream?size=50000").text == string(pattern(50000)), true)
		want(t, name+" small", len(b.get("/standin/small").text), 1024)
		want(t, name+" server", b.get("/standin/small").Header.Get("X-Standin-Server"), "one")
	}
	request, err := http.NewRequest("GET", "http://"+s.RealtimeAddr()+"/standin/trailers", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http11.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	want(t, "trailer", response.Trailer.Get("X-Standin-Checksum"), "5eed")
}

func TestHealthByVersion(t *testing.T) {
	for _, test := range []struct {
		version, query string
		down           bool
		status         int
		body           string
	}{
		{"17.0", "", false, 200, `{"status": "pass"}`},
		{"17.0", "?db_server_status=1", true, 200, `{"status": "pass"}`},
		{"18.0", "?db_server_status=1", false, 200, `{"status": "pass", "db_server_status": true}`},
		{"18.0", "?db_server_status=1", true, 500, `{"status": "fail", "db_server_status": false}`},
		{"19.0", "", true, 200, `{"status": "pass"}`},
	} {
		s := start(t, Config{Version: test.version, Workers: 1})
		apply(t, s, Control{DatabaseDown: &test.down})
		a := newBrowser(t, s.HTTPAddr()).get("/web/health" + test.query)
		want(t, "status", a.StatusCode, test.status)
		want(t, "body", a.text, test.body)
		want(t, "cookies", len(a.Header["Set-Cookie"]), 0)
		want(t, "caching", a.Header.Get("Cache-Control"), "no-store")
	}
}

func TestPagesOfEachVersion(t *testing.T) {
	tests := map[string]struct {
		version, path string
		status        int
	}{
		"17 has no /odoo":                 {"17.0", "/odoo", 404},
		"17 has /web":                     {"17.0", "/web", 303},
		"18 has /odoo":                    {"18.0", "/odoo/contacts/1", 303},
		"18 has no long polling":          {"18.0", "/longpolling/poll", 404},
		"15 has no websocket":             {"15.0", "/websocket", 404},
		"19 tells its version":            {"19.0", "/web/version", 200},
		"18 does not":                     {"18.0", "/web/version", 404},
		"the portal keeps a language":     {"18.0", "/fr/my", 303},
		"a shop page in another language": {"18.0", "/fr/shop/1", 200},
		"a language not installed":        {"18.0", "/de/shop", 404},
		"a web hook":                      {"18.0", "/web/hook/x", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newBrowser(t, start(t, Config{Version: test.version}).HTTPAddr()).get(test.path)
			want(t, "status", a.StatusCode, test.status)
		})
	}
	b := newBrowser(t, start(t, Config{}).HTTPAddr())
	contains(t, "version_info", b.call("/web/webclient/version_info", object{}).text, `"server_serie":"18.0"`)
}
