package upstream

import (
	"net/http"
	"time"

	"sluicegate.dev/sluice/internal/deadline"
)

// quietWrite is the size of an answer that net/http takes into its own buffers whole: it
// needs no deadline.
const quietWrite = 2 << 10

// clientWriter writes an answer to the client for as long as the client takes it. Each write
// has a deadline of its own, so that a slow client lives and one that stopped does not hold
// memory and disk for ever.
type clientWriter struct {
	http.ResponseWriter
	setter  deadline.Setter
	stall   time.Duration
	started bool // the head was written
	armed   time.Time
	http1   bool
}

func (u *Upstream) newWriter(w http.ResponseWriter, r *http.Request) *clientWriter {
	return &clientWriter{ResponseWriter: w, setter: setterFor(w, r), stall: u.timing.ClientStall, http1: r.ProtoMajor == 1}
}

// Write moves the deadline on first, at most every eighth of it: on HTTP/2 that costs a
// message to the connection's loop.
func (w *clientWriter) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(w.armed) > w.stall/8 {
		w.armed = now
		_ = w.setter.SetWriteDeadline(now.Add(w.stall)) // unsupported: the server's own rule holds
	}
	return w.ResponseWriter.Write(p)
}

// writeAll writes a body that is whole.
func (w *clientWriter) writeAll(p []byte) error {
	if len(p) <= quietWrite {
		_, err := w.ResponseWriter.Write(p)
		return err
	}
	_, err := w.Write(p)
	if err == nil {
		w.end()
	}
	return err
}

// WriteHeader sends the head.
func (w *clientWriter) WriteHeader(status int) {
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

// pause sends what was written so far, because the backend lets us wait for more. On HTTP/2
// the deadline must go meanwhile: it is a timer there, which ends the stream whether a write
// waits or not. Before the head it does nothing: a flush would send one.
func (w *clientWriter) pause() {
	if !w.started {
		return
	}
	w.flush()
	if !w.http1 && !w.armed.IsZero() {
		w.armed = time.Time{}
		_ = w.setter.SetWriteDeadline(time.Time{}) // unsupported: then none was set either
	}
}

func (w *clientWriter) flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// end sends the rest within the deadline and lifts it: on HTTP/1 it belongs to the
// connection and would hit the next answer on it.
func (w *clientWriter) end() {
	if w.armed.IsZero() || !w.http1 {
		return
	}
	w.flush()
	_ = w.setter.SetWriteDeadline(time.Time{}) // unsupported: then none was set either
}
