package client

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A write whose answer is lost is sent once more: the same body under the same key, so that
// it is done once.
func TestAWriteIsSentAgainUnderTheSameKey(t *testing.T) {
	type seen struct{ key, match, body string }
	var all []seen
	var mu sync.Mutex
	client := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, seen{r.Header.Get("Idempotency-Key"), r.Header.Get("If-Match"), string(body)})
		if len(all) == 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `"done"`)
	})
	answer, err := put[string](t.Context(), client, change{method: http.MethodPut, path: "/x", in: map[string]int{"a": 1}, seen: `"e1"`})
	if err != nil || answer != "done" {
		t.Fatalf("%q, %v", answer, err)
	}
	if _, err := put[string](t.Context(), client, change{method: http.MethodPut, path: "/x"}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := seen{all[0].key, `"e1"`, `{"a":1}`}
	if len(all) != 3 || all[0] != want || all[1] != want || len(all[0].key) < 20 {
		t.Errorf("sent %+v", all)
	}
	if all[2].key == all[0].key {
		t.Errorf("another write has the same key: %+v", all)
	}
}

func TestAWriteThatIsRefusedIsNotSentAgain(t *testing.T) {
	times := 0
	client := streaming(t, func(w http.ResponseWriter, _ *http.Request) {
		times++
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusPreconditionFailed)
		fmt.Fprint(w, `{"status":412,"detail":"acme has changed"}`)
	})
	_, err := put[string](t.Context(), client, change{method: http.MethodPut, path: "/x"})
	if times != 1 || err == nil || !strings.Contains(err.Error(), "acme has changed") {
		t.Errorf("%d times: %v", times, err)
	}
}

func TestTheTagOfAResource(t *testing.T) {
	client := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tenants/acme") {
			w.Header().Set("ETag", `"e7"`)
		}
		fmt.Fprint(w, "{}")
	})
	if tag, err := client.tag(t.Context(), "/tenants/acme"); err != nil || tag != `"e7"` {
		t.Errorf("%q, %v", tag, err)
	}
	if _, err := client.tag(t.Context(), "/tenants/other"); err == nil || !strings.Contains(err.Error(), "older version") {
		t.Errorf("got %v", err)
	}
}
