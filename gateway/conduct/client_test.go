package conduct

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing/cutover"
)

// A receiver computes the signature from the body as it came, and nothing else.
func TestWebhooksAreSigned(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write(body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get("X-Sluice-Signature") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("X-Sluice-Signature"), want)
		}
		if r.Header.Get("Idempotency-Key") != "c1/external" || r.Header.Get("Content-Type") != "application/json" || string(body) != `{"a":1}` {
			t.Errorf("got %v with %s", r.Header, body)
		}
	}))
	defer hook.Close()
	if _, err := newCaller(nil, []byte("secret")).post(t.Context(), hook.URL, "c1/external", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
}

// An order that was sent is never sent again by the machinery beneath: neither after a
// redirect, nor when the connection breaks.
func TestOrdersAreSentOnce(t *testing.T) {
	c := newCaller(nil, nil)
	for rule, does := range map[string]func(w http.ResponseWriter){
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/again")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"a connection that breaks": func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		},
	} {
		var calls atomic.Int64
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			_, _ = io.ReadAll(r.Body)
			does(w)
		}))
		r, err := c.post(t.Context(), hook.URL, "c1/external", struct{}{})
		hook.Close()
		if err != nil && unsent(err) {
			t.Errorf("%s: it counts as not sent: %v", rule, err)
		}
		if calls.Load() != 1 || err == nil && r.status != http.StatusTemporaryRedirect {
			t.Errorf("%s: sent %d times, %+v", rule, calls.Load(), r)
		}
	}
	if _, err := c.post(t.Context(), "http://127.0.0.1:1/", "x", struct{}{}); err == nil || !unsent(err) {
		t.Errorf("nobody there: %v", err)
	}
}

// Addresses come from documents: none of them leads to a metadata service, or back to us.
func TestOutsideIsNotInside(t *testing.T) {
	own := httptest.NewServer(http.NotFoundHandler())
	defer own.Close()
	listener := own.Listener.Addr().(*net.TCPAddr).AddrPort()
	out := upstream.NewOutgoing([]netip.AddrPort{listener}, nil)
	c := newCaller(out.DialContext, nil)
	for _, url := range []string{own.URL, "http://localhost:" + port(listener), "http://169.254.169.254/latest/meta-data", "http://[fe80::1%25lo]/", "http://0.0.0.0:" + port(listener)} {
		if _, err := c.get(t.Context(), url); err == nil {
			t.Errorf("%s was called", url)
		} else if !strings.Contains(err.Error(), "forbidden") && !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func port(a netip.AddrPort) string { return strconv.Itoa(int(a.Port())) }

// Who did the external step hears that it is not wanted any more.
func TestUndoIsTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		plan := plans()[cutover.Switch]
		plan.NoReturn = false
		w.status = http.StatusInternalServerError
		w.begin(plan)
		if c := w.ends(2 * time.Minute); c.Phase != cutover.Aborted {
			t.Fatalf("it ended %s", c.Phase)
		}
		time.Sleep(time.Minute)
		undo := w.calls("cutover.undo")
		if len(undo) != 1 || undo[0].path != "/step" || undo[0].body["cutover"] != "c1" || !strings.HasSuffix(undo[0].key, "/undo") {
			t.Errorf("told: %v", undo)
		}
	})
}

// A webhook that is dead costs memory for so many notices and no more, and holds up nothing.
func TestNoticesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := only(Config{})
		cut := cutover.Cutover{ID: "c1", Tenant: "acme", Plan: cutover.Plan{Webhooks: []string{"http://away.example/"}}}
		for range 3 * noticesMost {
			cut.Timeline = append(cut.Timeline, cutover.Event{Phase: cutover.Shifting})
		}
		before := time.Now()
		c.notices.tell(cut, 0)
		if took := time.Since(before); took != 0 || len(c.notices.waiting) != noticesMost {
			t.Errorf("took %s, %d wait", took, len(c.notices.waiting))
		}
	})
}
