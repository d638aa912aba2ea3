package edge

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/internal/deadline"
)

// allowPauses takes the entry point's read time-out off a request body on HTTP/2 and 3.
// There it ends the body for good even while nobody reads it, as in a hold or behind a slow
// server; readers set deadlines of their own. On HTTP/1 a passed deadline does no harm
// until the next read, which sets a new one, and it still bounds bodies that nobody wants.
func allowPauses(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor >= 2 && r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // unsupported: the time-out stays
	}
}

// withProgress lets the body of a request for an ordinary router last while it makes
// progress, instead of the entry point's 30 seconds for all of it.
func withProgress(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return r
	}
	r.Body = &progress{ReadCloser: r.Body, setter: http.NewResponseController(w), clear: r.ProtoMajor >= 2}
	return r
}

// progress sets the deadline anew at each read. It counts only the time spent waiting for
// the client: a proxy that stops reading because its server is slow is no fault of theirs.
type progress struct {
	io.ReadCloser
	setter   deadline.Setter
	clear    bool // take the deadline off between reads
	waited   time.Duration
	received int64
	done     atomic.Bool // a transport may close while it reads
}

// Read implements io.Reader. After the end it sets no deadline: net/http reads on in the
// background, and would take one that passes for a client that left.
func (p *progress) Read(b []byte) (int, error) {
	if p.done.Load() {
		return p.ReadCloser.Read(b)
	}
	start := time.Now()
	_ = p.setter.SetReadDeadline(start.Add(p.patience())) // unsupported: the entry point's time-out stays
	n, err := p.ReadCloser.Read(b)
	p.waited += time.Since(start)
	p.received += int64(n)
	if err != nil {
		p.done.Store(true)
	}
	if p.clear && err == nil {
		_ = p.setter.SetReadDeadline(time.Time{})
	}
	return n, err
}

// patience is the pause that is allowed now, shorter for a client below the least rate.
func (p *progress) patience() time.Duration {
	earned := time.Duration(float64(p.received) / deadline.MinRate * float64(time.Second))
	return min(deadline.Idle, max(0, deadline.Idle+earned-p.waited))
}

func (p *progress) Close() error {
	p.done.Store(true)
	return p.ReadCloser.Close()
}
