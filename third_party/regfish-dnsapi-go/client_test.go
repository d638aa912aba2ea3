package regfishapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAddAndDelete(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("x-api-key"))
		var record Record
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&record); err != nil {
				t.Error(err)
			}
			record.ID = 7
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "response": record})
	}))
	defer server.Close()
	client := NewClient("k")
	client.url = server.URL + "/dns/rr"
	got, err := client.AddRecord(context.Background(), Record{Name: "_acme-challenge.a.test.", Type: "TXT", Data: "x"})
	if err != nil || got.ID != 7 || got.Data != "x" {
		t.Fatalf("add: got %+v, %v", got, err)
	}
	if err := client.DeleteRecordByRRID(context.Background(), got.ID); err != nil {
		t.Fatal(err)
	}
	if want := "POST /dns/rr k,DELETE /dns/rr/7 k"; strings.Join(seen, ",") != want {
		t.Errorf("calls: got %v, want %s", seen, want)
	}
}

func TestRefusalsAreErrors(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"a status":      {http.StatusForbidden, `{"success":false,"message":"no"}`},
		"success=false": {http.StatusOK, `{"success":false,"message":"no"}`},
		"not JSON":      {http.StatusOK, `<html>`},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(answer.status)
				_, _ = w.Write([]byte(answer.body))
			}))
			defer server.Close()
			client := NewClient("k")
			client.url = server.URL
			if _, err := client.AddRecord(context.Background(), Record{}); err == nil {
				t.Error("got no error")
			}
		})
	}
}
