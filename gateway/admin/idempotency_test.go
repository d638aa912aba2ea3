package admin

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestAKeyIsDoneOnce(t *testing.T) {
	n := newNight(t, nil)
	tag := n.tag(acmePath)
	headers := map[string]string{"If-Match": tag, "Idempotency-Key": "k1"}
	status, first := n.send("POST", acmePath+"/cutovers", start, headers)
	if status != http.StatusAccepted {
		t.Fatalf("%d %s", status, first)
	}
	if status, again := n.send("POST", acmePath+"/cutovers", start, headers); status != http.StatusAccepted || again != first {
		t.Errorf("the second time: %d\n%s\nand not\n%s", status, again, first)
	}
	if len(n.audit.records) != 1 {
		t.Errorf("it was done %d times", len(n.audit.records))
	}
	if status, text := n.send("POST", acmePath+"/cutovers", `{"to": "green", "reason": "CHG-2"}`, headers); status != http.StatusUnprocessableEntity || !strings.Contains(text, "Idempotency-Key") {
		t.Errorf("with another body: %d %s", status, text)
	}
	admin := maps.Clone(headers)
	admin["Authorization"] = as(Admin)["Authorization"]
	if status, _ := n.send("POST", acmePath+"/cutovers", start, admin); status != http.StatusPreconditionFailed {
		t.Errorf("somebody else's key is another: %d", status)
	}
	// What failed may be tried again.
	n.audit.fails = errors.New("disk full")
	headers = map[string]string{"If-Match": "*", "Idempotency-Key": "k2"}
	const hold = `{"reason": "by hand"}`
	if status, _ := n.send("PUT", "/api/v1/tenants/globex/hold", hold, headers); status != http.StatusInternalServerError {
		t.Errorf("the log cannot be written: %d", status)
	}
	n.audit.fails = nil
	if status, text := n.send("PUT", "/api/v1/tenants/globex/hold", hold, headers); status != http.StatusOK {
		t.Errorf("then it can: %d %s", status, text)
	}
}

// One key, many at once, one panics: nobody waits for ever, and it is done once.
func TestAKeyOutlivesAPanic(t *testing.T) {
	n := newNight(t, nil)
	headers := map[string]string{"If-Match": "*", "Idempotency-Key": "k1"}
	n.runtime.panics.Store(true)
	func() {
		defer func() { _ = recover() }()
		n.send("PUT", acmePath+"/hold", `{"reason": "by hand"}`, headers)
	}()
	n.runtime.panics.Store(false)
	before := len(n.audit.records)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if status, text := n.send("PUT", acmePath+"/hold", `{"reason": "by hand"}`, headers); status != http.StatusOK {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	all.Wait()
	if done := len(n.audit.records) - before; done != 1 {
		t.Errorf("it was done %d times", done)
	}
}
