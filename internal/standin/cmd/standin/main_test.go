package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/standin"
)

func TestFlagsWinOverTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "standin.json")
	text := `{"name": "file", "workers": 4, "databases": ["a", "b"], "proxy-mode": true, "report-time": "3s",
		"users": [{"uid": 2, "login": "x", "password": "y", "admin": true}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := configFrom([]string{"-config", file, "-name", "flag", "-odoo", "17.0"})
	if err != nil {
		t.Fatal(err)
	}
	want := standin.Config{
		Name: "flag", Version: "17.0", Workers: 4, Databases: []string{"a", "b"}, ProxyMode: true, ReportTime: 3 * time.Second,
		Users: []standin.User{{UID: 2, Login: "x", Password: "y", Admin: true}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestMistakesInTheFileAreErrors(t *testing.T) {
	for _, text := range []string{`{`, `{"nope": 1}`, `{"workers": "many"}`} {
		file := filepath.Join(t.TempDir(), "standin.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := configFrom([]string{"-config", file}); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"-workers", "1"}); err != nil {
		t.Error(err)
	}
}
