package console

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string) (*http.Response, string) {
	t.Helper()
	handler, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestThePageAndItsParts(t *testing.T) {
	for path, kind := range map[string]string{
		"/console/":            "text/html",
		"/console/console.css": "text/css",
		"/console/app.js":      "text/javascript",
	} {
		answer, body := get(t, http.MethodGet, path)
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) || body == "" {
			t.Errorf("%s: %d %s, %d bytes", path, answer.StatusCode, answer.Header.Get("Content-Type"), len(body))
		}
		if csp := answer.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: content security policy %q", path, csp)
		}
	}
	if answer, _ := get(t, http.MethodGet, "/console"); answer.Header.Get("Location") != "/console/" {
		t.Errorf("without the slash: %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer, _ := get(t, http.MethodPost, "/console/"); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a write: %d", answer.StatusCode)
	}
	if answer, _ := get(t, http.MethodGet, "/console/none.js"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("no such file: %d", answer.StatusCode)
	}
}

// The policy of the page forbids what these would need, and nothing may come from elsewhere.
func TestNothingInlineAndNothingFromElsewhere(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)innerHTML|outerHTML|insertAdjacentHTML|\beval\(|https?://[a-z]|<script>|<style|\sstyle=|\son[a-z]+=`)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		for _, found := range forbidden.FindAllString(string(text), -1) {
			if found != "http://w" { // the name space of SVG
				t.Errorf("%s: %q", path, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Each module that a module imports is there.
func TestModulesAreThere(t *testing.T) {
	imports := regexp.MustCompile(`(?m)^import .*? from '\./([a-z]+\.js)'`)
	scripts, err := fs.Glob(files, "static/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	for _, path := range scripts {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range imports.FindAllStringSubmatch(string(text), -1) {
			if _, err := fs.Stat(files, "static/"+found[1]); err != nil {
				t.Errorf("%s imports %s: %v", path, found[1], err)
			}
		}
	}
}
