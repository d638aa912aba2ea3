package deadline

import (
	"io"
	"time"
)

// Rules of a body's progress. A client may pause for Idle, and beyond the first Idle it must
// have sent at least MinRate bytes for each second: one byte every now and then is no
// progress.
const (
	Idle    = 30 * time.Second
	MinRate = 1 << 10
)

// Reader reads a request body and moves the read deadline on while bytes arrive.
type Reader struct {
	src     io.Reader
	setter  Setter
	idle    time.Duration
	minRate int64

	started  time.Time
	armed    time.Time // when the deadline was last set
	received int64
}

// NewReader returns a reader of src under the usual rules.
func NewReader(src io.Reader, s Setter) *Reader {
	return NewReaderWith(src, s, Idle, MinRate)
}

// NewReaderWith is NewReader with rules of the caller's own.
func NewReaderWith(src io.Reader, s Setter, idle time.Duration, minRate int64) *Reader {
	return &Reader{src: src, setter: s, idle: idle, minRate: minRate}
}

// Read reads on and clears the deadline at the end of the body: net/http goes on reading
// in the background to notice a client that leaves, and must not take an old deadline
// for one.
func (r *Reader) Read(p []byte) (int, error) {
	r.arm(time.Now())
	n, err := r.src.Read(p)
	r.received += int64(n)
	if err == io.EOF {
		_ = r.setter.SetReadDeadline(time.Time{}) // unsupported: the server's own rule holds
	}
	return n, err
}

// arm sets the deadline, at most a few times per idle period: on HTTP/2 it costs a message
// to the connection's loop.
func (r *Reader) arm(now time.Time) {
	if r.started.IsZero() {
		r.started = now
	} else if now.Sub(r.armed) < r.idle/8 {
		return
	}
	r.armed = now
	_ = r.setter.SetReadDeadline(r.due(now)) // unsupported: the server's own rule holds
}

// due is when the connection ends unless more arrives: the pause that is allowed, cut
// short for a client below the minimum rate.
func (r *Reader) due(now time.Time) time.Time {
	pause := now.Add(r.idle)
	earned := time.Duration(float64(r.received) / float64(r.minRate) * float64(time.Second))
	slowest := r.started.Add(r.idle + earned)
	if slowest.Before(pause) {
		return slowest
	}
	return pause
}
