package plugins

import (
	"context"
	"io"
	"net/http"
	"time"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
)

const (
	// shortBody is taken in before a request waits. HTTP/1 shows us that a client has left only
	// once its body was read, and a write of somebody who has left must not be carried out.
	// Longer bodies stay with the client.
	shortBody = 64 << 10
	// unknownBody is what a body of unknown length counts as among those that wait.
	unknownBody = 64 << 10
	// leaverLooks times leaverTime is many times what net/http needs to see that a client left
	// long ago. Looking in small steps counts on a machine that stands still in between, too.
	// Only uploads that waited pay it.
	leaverLooks = 10
	leaverTime  = 10 * time.Millisecond
)

// weight is what the request counts as among the bytes that wait.
func weight(r *http.Request) int64 {
	if r.ContentLength < 0 {
		return unknownBody
	}
	return r.ContentLength
}

// takeShort takes a short body in. One that the client sends only when asked to is not asked
// for.
func (s *session) takeShort(r *http.Request) error {
	if s.body != nil || r.ContentLength <= 0 || r.ContentLength > shortBody || r.Header.Get("Expect") != "" {
		return nil
	}
	if _, ok := r.Body.(*spool.Body); ok {
		return nil
	}
	paced := deadline.NewReader(r.Body, deadline.FromContext(r.Context()))
	body, err := s.path.deps.Space.ReadBody(paced, r.ContentLength)
	if err != nil {
		return err
	}
	s.body, r.Body = body, body
	return nil
}

// mindLeaver has a body that was not read while its request waited end with an error if the
// client has left meanwhile.
func (s *session) mindLeaver(r *http.Request) {
	if s.body != nil || r.ProtoMajor != 1 || r.ContentLength == 0 || r.Body == nil {
		return
	}
	if _, ok := r.Body.(*unreadBody); !ok {
		r.Body = &unreadBody{ReadCloser: r.Body, ctx: r.Context()}
	}
}

// unreadBody is one that waited with the client. At its end net/http begins to look whether the
// client is there; whoever left while it waited is found out at once.
type unreadBody struct {
	io.ReadCloser
	ctx context.Context // of the request
}

func (b *unreadBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != io.EOF {
		return n, err
	}
	tick := time.NewTicker(leaverTime)
	defer tick.Stop()
	for range leaverLooks {
		select {
		case <-b.ctx.Done():
			return n, b.ctx.Err()
		case <-tick.C:
		}
	}
	return n, io.EOF
}

// dropBody lets go of a body that was taken in.
func (s *session) dropBody() {
	if s.body != nil {
		_ = s.body.Close() // its file is unlinked already
	}
}
