package answer

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

func TestThePauseInWords(t *testing.T) {
	for pause, want := range map[time.Duration]string{
		0: "", time.Millisecond: "in a second", time.Second: "in a second", 90 * time.Second: "in 90 seconds",
		2 * time.Minute: "in 2 minutes", 121 * time.Second: "in 3 minutes",
	} {
		if got := retryText(pause); got != want {
			t.Errorf("%v: got %q, want %q", pause, got, want)
		}
	}
}

func TestExceptionsHaveTheNamesThatClientsKnow(t *testing.T) {
	for status, want := range map[int]string{
		400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 408: "RequestTimeout",
		413: "RequestEntityTooLarge", 429: "TooManyRequests", 502: "BadGateway", 503: "ServiceUnavailable",
		504: "GatewayTimeout", 418: "HTTPException",
	} {
		w := httptest.NewRecorder()
		Write(w, httptest.NewRequest("POST", "/json/2/a/b", nil), nil, Refusal{Status: status, Title: "x"})
		if w.Code != status || !strings.Contains(w.Body.String(), `"werkzeug.exceptions.`+want+`"`) {
			t.Errorf("%d: got %d, %s", status, w.Code, w.Body)
		}
	}
}

func TestADecodedPathDecidesTheShape(t *testing.T) {
	w := httptest.NewRecorder()
	x := &routing.Exchange{}
	x.Path = "/xmlrpc/2/object"
	Write(w, httptest.NewRequest("POST", "/xmlrpc%2F2/object", nil), x, Refusal{Status: 403, Title: "x"})
	if !strings.Contains(w.Body.String(), "<int>403</int>") {
		t.Errorf("got %s", w.Body)
	}
}
