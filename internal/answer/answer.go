package answer

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
)

// Refusal is an answer of the gateway's own.
type Refusal struct {
	Status     int
	Code       string // stable word for machines, like "backend_down"
	Title      string // what happened, in a few words
	Detail     string // what it means and what to do, for people; no secrets
	RetryAfter time.Duration
	Header     http.Header // more headers, may be nil

	// Type is a problem type (RFC 9457). With one, programs get Problem Details.
	Type string
	// Violated names the limits that refused.
	Violated []string
}

// TypeQuota is the problem type of a limit that is reached.
const TypeQuota = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// TypeReduced is that of a limit that cannot be checked for now.
const TypeReduced = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"

// TypeNone is the problem type of what the status says already (RFC 9457, section 4.2.1).
const TypeNone = "about:blank"

// RequestIDHeader carries the request id, on answers and towards Odoo.
const RequestIDHeader = "X-Request-Id"

// Write answers r with the refusal, in the form that the caller understands. x may be nil.
func Write(w http.ResponseWriter, r *http.Request, x *routing.Exchange, refusal Refusal) {
	id := ""
	if x != nil {
		id = x.RequestID
	}
	contentType, body := render(shapeOf(r, x), r, refusal, id)
	setHeaders(w.Header(), refusal, id)
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(refusal.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client has left; nobody else to tell
	}
}

func setHeaders(h http.Header, refusal Refusal, id string) {
	for name, values := range refusal.Header {
		h[name] = values
	}
	// What an inner step may have set for the answer that is not coming.
	for _, name := range [...]string{"Content-Encoding", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Expires"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if id != "" {
		h.Set(RequestIDHeader, id)
	}
	if s := retrySeconds(refusal.RetryAfter); s > 0 {
		h.Set("Retry-After", strconv.Itoa(s))
	}
}

// retrySeconds rounds up: a client that comes back early would be refused again.
func retrySeconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}

// sentence is the refusal in one line.
func sentence(refusal Refusal) string {
	return strings.TrimSpace(refusal.Title + ". " + refusal.Detail)
}
