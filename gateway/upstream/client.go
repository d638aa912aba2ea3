package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
)

const (
	defaultResponse  = 135 * time.Second // Odoo's limit_time_real, and time to be killed by it
	uploadStall      = 30 * time.Second  // a backend that takes no byte of a body
	earlyAnswer      = 2 * time.Second   // to read the answer of a backend that stopped reading
	maxInformational = 5                 // 1xx answers before the real one
	joinBody         = 8 << 10           // a body up to here travels with the head
)

// request is what one exchange sends, as often as it must.
type request struct {
	http  *http.Request
	x     *routing.Exchange
	head  []byte // see head.go
	body  *spool.Body
	safe  bool // GET or HEAD: repeating it changes nothing
	fresh bool // no idle connection: the last one was stale

	slot func() // gives back the worker that was taken ahead for the next attempt; nil: none was
}

// stage is how far an attempt came.
type stage int

const (
	connecting stage = iota // nothing was sent
	waiting                 // sent, and the connection ended before the status line
	overdue                 // sent, and no answer in time
	garbled                 // an answer that is none
)

// failure is an attempt that brought no answer.
type failure struct {
	stage stage
	stale bool // it was on a reused connection
	err   error
}

func (f *failure) Error() string {
	return [...]string{"connect", "no answer", "time-out", "bad answer"}[f.stage] + ": " + f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// call is one attempt: a connection that carries the request, and then the answer. It ends
// with release, which may come from another goroutine than abort.
type call struct {
	upstream *Upstream
	backend  *backend
	endpoint *endpoint
	conn     *conn
	response *http.Response
	stop     func() bool
	leave    func() // gives the worker back

	mu       sync.Mutex
	released bool
	aborted  bool
}

// do makes one attempt, once a worker is free for it. On success the caller must release the
// call, which gives the worker back.
func (u *Upstream) do(ctx context.Context, b *backend, e *endpoint, req *request) (*call, error) {
	asked := time.Now()
	leave, err := u.admit(ctx, b, e, req)
	if err != nil {
		return nil, err
	}
	handed := false // the call gives the worker back
	defer func() {  // also when something panics
		if !handed {
			leave()
		}
	}()
	req.x.Attempts++
	started := time.Now()
	req.x.Waited += started.Sub(asked)
	c, err := u.connect(ctx, e, req)
	if err != nil {
		return nil, &failure{stage: connecting, err: err}
	}
	k := &call{upstream: u, backend: b, endpoint: e, conn: c, leave: leave}
	c.begin(u.buffers.readers.Get().(*bufio.Reader), responseLimit(req.x.Pool))
	k.stop = context.AfterFunc(ctx, k.abort)
	if k.response, err = c.roundTrip(req); err != nil { //nolint:bodyclose // release ends the connection instead
		f := &failure{stage: stageOf(c, err), stale: c.reused, err: err}
		handed = true
		k.release(false)
		return nil, f
	}
	c.body(responseLimit(req.x.Pool))
	req.x.Backend, req.x.Upstream = b.name, time.Since(started)
	handed = true
	return k, nil
}

func (u *Upstream) connect(ctx context.Context, e *endpoint, req *request) (*conn, error) {
	if !req.fresh {
		youngest := u.timing.KeepAlive
		if !req.safe {
			youngest = min(youngest, freshEnough)
		}
		if c := e.idle.take(time.Now(), youngest); c != nil {
			return c, nil
		}
	}
	return e.dial(ctx, req.x.Pool.Timeouts.Dial)
}

func responseLimit(p *routing.Pool) time.Duration {
	if p.Timeouts.Response > 0 {
		return p.Timeouts.Response
	}
	return defaultResponse
}

func stageOf(c *conn, err error) stage {
	switch {
	case timedOut(err):
		return overdue
	case c.got:
		return garbled
	default:
		return waiting
	}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// roundTrip writes the request and reads the answer's head. A backend may answer before it
// has read all of a body it does not want; that answer counts, the failed write does not.
func (c *conn) roundTrip(req *request) (*http.Response, error) {
	werr := c.send(req)
	if werr != nil {
		_ = c.SetReadDeadline(time.Now().Add(earlyAnswer))
	}
	response, err := c.readHead(req)
	if err != nil && werr != nil {
		return nil, werr
	}
	if werr != nil {
		response.Close = true
	}
	return response, err
}

func (c *conn) send(req *request) error {
	if req.body == nil || req.body.Len() == 0 {
		_, err := c.Write(req.head)
		return err
	}
	if piece, whole := req.body.Bytes(); whole && len(piece) <= joinBody {
		_, err := c.Write(append(req.head, piece...)) // in the room behind the head, if any; the head stays
		return err
	}
	if _, err := c.Write(req.head); err != nil {
		return err
	}
	req.body.Rewind()
	if _, err := req.body.WriteTo(uploader{c}); err != nil {
		return err
	}
	return c.SetReadDeadline(time.Now().Add(responseLimit(req.x.Pool))) // the wait begins now
}

// uploader writes a body for as long as the backend takes it.
type uploader struct{ c *conn }

func (w uploader) Write(p []byte) (int, error) {
	if err := w.c.SetWriteDeadline(time.Now().Add(uploadStall)); err != nil {
		return 0, err
	}
	return w.c.Write(p)
}

// readHead reads the final answer's head. 100 was answered by our own server when it read
// the body, and no other 1xx is of use behind a buffer.
func (c *conn) readHead(req *request) (*http.Response, error) {
	for range maxInformational + 1 {
		response, err := http.ReadResponse(c.reader, req.http)
		if err != nil {
			return nil, err
		}
		switch code := response.StatusCode; {
		case code >= 200 && code <= 999, code == http.StatusSwitchingProtocols:
			return response, nil
		case code < 100:
			return nil, fmt.Errorf("status %d", code)
		}
	}
	return nil, errors.New("too many informational answers")
}

// abort ends the call under whoever is reading or writing. The context's end calls it.
func (k *call) abort() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.released {
		k.aborted = true
		k.conn.kill()
	}
}

// release gives the connection back and frees the worker in our books. whole says that the
// body was read to its end; only then, and only after an HTTP/1.1 answer without close and
// without a byte too many, the connection may serve another request.
func (k *call) release(whole bool) {
	if !k.end() {
		return
	}
	keep := whole && !k.aborted && k.response.ProtoAtLeast(1, 1) && !k.response.Close && k.conn.reader.Buffered() == 0
	c := k.conn
	c.reader.Reset(nil)
	k.upstream.buffers.readers.Put(c.reader)
	c.reader = nil
	if keep && c.SetDeadline(time.Time{}) == nil {
		k.endpoint.idle.put(c, time.Now())
	} else {
		_ = c.Close()
	}
	k.leave()
}

// end marks the call as released; abort does nothing from then on.
func (k *call) end() bool {
	k.stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.released {
		return false
	}
	k.released = true
	return true
}

// detach takes the connection out of the call, with what was read beyond the head; nil when
// the client has left meanwhile.
func (k *call) detach() (c *conn, ahead []byte) {
	k.mu.Lock()
	aborted := k.aborted
	k.mu.Unlock()
	if aborted || !k.end() {
		return nil, nil
	}
	c = k.conn
	ahead, _ = c.reader.Peek(c.reader.Buffered()) // never more than is buffered
	ahead = append([]byte(nil), ahead...)
	c.reader.Reset(nil)
	k.upstream.buffers.readers.Put(c.reader)
	c.reader = nil
	c.body(0)
	_ = c.SetDeadline(time.Time{}) // fails only on a closed connection, as the next read does
	k.leave()
	return c, ahead
}
