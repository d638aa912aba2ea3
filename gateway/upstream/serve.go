package upstream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
)

// ServeHTTP serves one request from the pool that its exchange names.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := routing.FromContext(r.Context())
	switch {
	case x == nil || x.Pool == nil:
		// No step in front lets such a request through; without a pool there is no answer.
		http.Error(w, "no route", http.StatusInternalServerError)
	case asksForSocket(r):
		u.serveSocket(w, r, x)
	default:
		u.serveRequest(w, r, x)
	}
}

// serveRequest takes the whole request in hand, finds a backend for it and passes the answer
// on.
func (u *Upstream) serveRequest(w http.ResponseWriter, r *http.Request, x *routing.Exchange) {
	body, err := u.readBody(w, r, x.Pool.MaxRequest)
	if err != nil {
		u.refuse(w, r, x, err)
		return
	}
	if body != r.Body {
		defer func() { _ = body.Close() }() // its file is unlinked already
	}
	req := &request{http: r, x: x, body: body, safe: r.Method == http.MethodGet || r.Method == http.MethodHead}
	buf := u.buffers.heads.Get().(*[]byte)
	defer u.giveHead(buf)
	if req.head, err = appendHead((*buf)[:0], r, x, bodyLength(r, body), false); err != nil {
		u.refuse(w, r, x, &clientFault{err})
		return
	}
	*buf = req.head
	k, err := u.exchange(r.Context(), u.pool(x.Pool), req)
	if err != nil {
		u.refuse(w, r, x, err)
		return
	}
	u.respond(w, r, x, k)
}

// giveHead returns a head's buffer, unless one large head made it grow.
func (u *Upstream) giveHead(b *[]byte) {
	if cap(*b) <= 64<<10 {
		u.buffers.heads.Put(b)
	}
}

// clientFault is a request that cannot be sent on, by the client's doing.
type clientFault struct{ err error }

func (f *clientFault) Error() string { return f.err.Error() }
func (f *clientFault) Unwrap() error { return f.err }

// readBody brings the body in hand, unless a step in front has done so. limit is the pool's
// own, 0 for none.
func (u *Upstream) readBody(w http.ResponseWriter, r *http.Request, limit int64) (*spool.Body, error) {
	setter := setterFor(w, r)
	body, ok := r.Body.(*spool.Body)
	empty := r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	if ok || empty {
		// net/http reads on in the background to notice a client that leaves; the
		// deadline for the request would look like one.
		if r.ProtoMajor == 1 {
			_ = setter.SetReadDeadline(time.Time{}) // unsupported: the server's own rule holds
		}
	}
	if ok {
		if limit > 0 && body.Len() > limit {
			return nil, spool.ErrTooLarge
		}
		return body, nil
	}
	if empty {
		return u.space.ReadBody(nil, 0)
	}
	body, err := u.space.ReadBodyWithin(deadline.NewReaderWith(r.Body, setter, u.timing.BodyStall, deadline.MinRate), r.ContentLength, limit)
	if err == nil || errors.Is(err, spool.ErrTooLarge) || errors.Is(err, spool.ErrNoSpace) {
		return body, err
	}
	// Any failed read ends the context, a time-out too.
	if gone := context.Cause(r.Context()); gone != nil && !timedOut(err) {
		return nil, gone
	}
	return nil, &clientFault{err}
}

// setterFor finds the deadlines of the client's connection: the front's, which sees the
// server's own writer, or what w itself offers.
func setterFor(w http.ResponseWriter, r *http.Request) deadline.Setter {
	if s, ok := deadline.Lookup(r.Context()); ok {
		return s
	}
	return http.NewResponseController(w)
}

// bodyLength is what Odoo is told: the exact length, and nothing for a request that has no
// body and needs none.
func bodyLength(r *http.Request, body *spool.Body) int64 {
	if n := body.Len(); n > 0 {
		return n
	}
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return 0
	default:
		return -1
	}
}
