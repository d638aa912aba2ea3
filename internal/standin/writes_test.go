package standin

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestAWriteIsKnownByItsToken: by whichever way it came, on the server that did it and on
// another one of the same database.
func TestAWriteIsKnownByItsToken(t *testing.T) {
	dir := t.TempDir()
	blue := start(t, Config{Name: "blue-a", Release: "blue", Workers: 2, Databases: []string{"acme"}, DatabaseDir: dir})
	green := start(t, Config{Name: "green-a", Release: "green", Workers: 2, Databases: []string{"acme"}, DatabaseDir: dir})
	ways := map[string]func(b *browser, marker string) answer{
		"a call of the web client": func(b *browser, marker string) answer {
			return b.call("/web/dataset/call_kw/res.partner/create", object{
				"model": "res.partner", "method": "create", "args": []any{object{"name": "x", "marker": marker}}, "kwargs": object{},
			})
		},
		"a write of the web client": func(b *browser, marker string) answer {
			made := b.call("/web/dataset/call_kw", object{
				"model": "res.partner", "method": "create", "args": []any{object{"name": "x"}}, "kwargs": object{},
			}).json(t)
			return b.call("/web/dataset/call_kw", object{
				"model": "res.partner", "method": "write", "args": []any{[]any{made["result"]}, object{"marker": marker}}, "kwargs": object{},
			})
		},
		"an upload": func(b *browser, marker string) answer {
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			form.WriteField("csrf_token", csrfOfClient(t, b))
			form.WriteField("marker", marker)
			part, err := form.CreateFormFile("ufile", "a.txt")
			if err != nil {
				t.Fatal(err)
			}
			part.Write([]byte("text"))
			form.Close()
			return b.do("POST", "/web/binary/upload_attachment", body.String(), "Content-Type", form.FormDataContentType())
		},
		"a web hook": func(b *browser, marker string) answer {
			return b.form("/web/hook/x", url.Values{"marker": {marker}})
		},
	}
	for way, write := range ways {
		for _, s := range []*Server{blue, green} {
			b := newBrowser(t, s.HTTPAddr())
			b.login("admin", "admin")
			a := write(b, way)
			want(t, way+": status", a.StatusCode, 200)
			want(t, way+": release", a.Header.Get("X-Standin-Release"), s.cfg.Release)
		}
	}
	writes, err := green.Writes("acme")
	if err != nil {
		t.Fatal(err)
	}
	for way := range ways {
		if by := writes[way]; len(by) != 2 || by[0] != "blue-a" || by[1] != "green-a" {
			t.Errorf("%s: done by %v", way, by)
		}
	}
	response, err := http.Get("http://" + blue.ControlAddr() + "/standin/writes?database=acme")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var told map[string][]string
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil || len(told) != len(writes) {
		t.Errorf("the control port tells %v, %v", told, err)
	}
	if _, err := blue.Writes("other"); err == nil {
		t.Error("writes of a database that does not exist")
	}
}

func TestAWriteThatFailsHasNoToken(t *testing.T) {
	s := start(t, Config{Workers: 1})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	a := b.call("/web/dataset/call_kw", object{
		"model": "res.partner", "method": "create", "args": []any{object{"marker": "nameless"}}, "kwargs": object{},
	})
	contains(t, "answer", a.text, "error")
	if writes, err := s.Writes("odoo"); err != nil || len(writes) != 0 {
		t.Errorf("writes %v, %v", writes, err)
	}
}

func TestReportsAreCounted(t *testing.T) {
	s := start(t, Config{Workers: 1, ReportTime: time.Millisecond})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	b.get("/report/pdf/sale.order/1")
	want(t, "reports", s.Counters().Reports, ReportCounts{Begun: 1, Done: 1})
}

func TestFilesOfOneReleaseOnly(t *testing.T) {
	for release, status := range map[string]int{"blue": 200, "green": 404} {
		b := newBrowser(t, start(t, Config{Release: release}).HTTPAddr())
		want(t, release, b.get("/web/static/only/blue/new.js").StatusCode, status)
	}
}
