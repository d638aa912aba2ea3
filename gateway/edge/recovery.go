package edge

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"runtime/debug"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
)

// recovered answers 500 for a request that panics, and lets no other feel it. It stands
// inside logs and metrics, so that they see the 500.
func (f *front) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &watchedWriter{ResponseWriter: w}
		defer f.recover(watched, r)
		next.ServeHTTP(watched, r)
	})
}

func (f *front) recover(w *watchedWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler) // how a proxy ends an answer that it cannot finish
	}
	x := routing.FromContext(r.Context())
	f.edge.metrics.panics.Inc()
	f.edge.cfg.Log.ErrorContext(r.Context(), "request panicked", "tenant", tenantOf(x), "err", cause, "stack", string(debug.Stack()))
	if w.started {
		panic(http.ErrAbortHandler) // too late for another answer: the client must see a cut one
	}
	answer.Write(w, r, x, answer.Refusal{
		Status: http.StatusInternalServerError, Code: "internal", Title: "Something went wrong",
		Detail: "The gateway could not handle this request.",
	})
}

func tenantOf(x *routing.Exchange) string {
	if x == nil || x.Tenant == nil {
		return ""
	}
	return x.Tenant.Name
}

// watchedWriter knows whether an answer has begun.
type watchedWriter struct {
	http.ResponseWriter
	started bool
}

// Unwrap is for http.ResponseController.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the beginning; 1xx is none, but for 101.
func (w *watchedWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.started = true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(p)
}

// Flush is for middlewares that ask for http.Flusher instead of using a controller.
func (w *watchedWriter) Flush() {
	w.started = true
	_ = http.NewResponseController(w.ResponseWriter).Flush() // the next write fails if the client left
}

// Hijack is for middlewares that ask for http.Hijacker.
func (w *watchedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.started = true
	}
	return conn, buffer, err
}
