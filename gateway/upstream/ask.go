package upstream

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Question is a request of the gateway's own to one backend: what a visitor of the tenant
// would say there, without a session. Whatever it makes Odoo set is thrown away.
type Question struct {
	Tenant  *routing.Tenant
	Release *routing.Release
	Backend string
	Host    string // as the visitor says it
	Scheme  string // "http" or "https", as the visitor sees it
	Path    string // with its query

	JSON     string // POST this body; empty: GET
	Realtime bool   // ask the realtime port
	Socket   bool   // ask for a WebSocket, which is given up at once
}

// Reply is what a backend said.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte // the beginning of it
}

const (
	askLimit = 30 * time.Second // of one question
	askBody  = 256 << 10        // of an answer that is read
)

// ErrNoBackend means that the pool has no backend of that name.
var ErrNoBackend = errors.New("no such backend")

// Ask puts a question to one backend, whatever is known of its health. It waits its turn for
// a worker with the health probes.
func (u *Upstream) Ask(ctx context.Context, q Question) (Reply, error) {
	pool := q.Release.Pool
	for _, b := range *u.pool(pool).backends.Load() {
		if b.name == q.Backend {
			return u.ask(ctx, b, q)
		}
	}
	return Reply{}, fmt.Errorf("backend %s of pool %s: %w", q.Backend, pool.Name, ErrNoBackend)
}

func (u *Upstream) ask(ctx context.Context, b *backend, q Question) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	x, head, err := q.head()
	if err != nil {
		return Reply{}, err
	}
	e := b.http
	if q.Realtime {
		e = b.realtime
	}
	leave, err := u.admit(ctx, b, e, &request{x: x})
	if err != nil {
		return Reply{}, err
	}
	defer leave()
	c, err := e.dial(ctx, 0)
	if err != nil {
		return Reply{}, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	end, _ := ctx.Deadline()
	c.begin(bufio.NewReaderSize(nil, readerSize), time.Until(end))
	if _, err := c.Write(head); err != nil {
		return Reply{}, errors.Join(err, ctx.Err())
	}
	response, err := c.readHead(&request{}) //nolint:bodyclose // the connection is closed instead
	if err != nil {
		return Reply{}, errors.Join(err, ctx.Err())
	}
	r := Reply{Status: response.StatusCode, Header: response.Header}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return r, nil
	}
	c.body(0)
	r.Body, err = io.ReadAll(io.LimitReader(response.Body, askBody))
	return r, errors.Join(err, ctx.Err())
}

// head is the question as it goes over the wire.
func (q Question) head() (*routing.Exchange, []byte, error) {
	target, err := url.ParseRequestURI(q.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("path %q: %w", q.Path, err)
	}
	x := &routing.Exchange{Scheme: q.Scheme, PublicHost: q.Host, RequestID: rand.Text()}
	x.Route = routing.Route{Tenant: q.Tenant, Release: q.Release, Pool: q.Release.Pool, Path: target.Path, Class: odoo.Health}
	r := &http.Request{
		Method: http.MethodGet, URL: target,
		Header: http.Header{"User-Agent": {"sluice-check"}, "Accept": {"*/*"}},
	}
	length := int64(-1)
	if q.JSON != "" {
		r.Method, length = http.MethodPost, int64(len(q.JSON))
		r.Header.Set("Content-Type", "application/json")
	}
	if q.Socket {
		q.askForSocket(r.Header)
	}
	head, err := appendHead(nil, r, x, length, q.Socket)
	if err != nil || q.Socket {
		return x, head, err
	}
	head = append(head[:len(head)-2], "Connection: close\r\n\r\n"...)
	return x, append(head, q.JSON...), nil
}

// askForSocket makes a handshake of it. Odoo compares no Origin, but wants one.
func (q Question) askForSocket(h http.Header) {
	h.Set("Origin", q.Scheme+"://"+q.Host)
	h.Set("Sec-WebSocket-Version", "13")
	h.Set("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 16))))
	h.Del("User-Agent") // with one, Odoo from 18 on compares the versions of client and server
}
