package upstream

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// respond passes the answer on and releases the call as soon as the backend has sent its
// last byte.
func (u *Upstream) respond(w http.ResponseWriter, r *http.Request, x *routing.Exchange, k *call) {
	defer k.release(false) // whatever happens below; a no-op after a proper release
	response := k.response
	out := u.newWriter(w, r)
	switch n := response.ContentLength; {
	case response.StatusCode == http.StatusSwitchingProtocols:
		u.refuse(w, r, x, &failure{stage: garbled, err: errors.New("switched protocols without being asked")})
	case response.Body == http.NoBody:
		k.release(true)
		x.Outcome = readOutcome(x, response, nil)
		writeHead(out, x, k)
	case n >= 0 && n <= smallAnswer:
		u.respondSmall(out, r, x, k)
	case passesThrough(x, response):
		u.respondStream(out, r, x, k)
	default:
		u.respondPiped(out, r, x, k)
	}
}

// respondSmall reads the whole answer before it writes the first byte: a worker that breaks
// off costs an error page and not a broken page.
func (u *Upstream) respondSmall(out *clientWriter, r *http.Request, x *routing.Exchange, k *call) {
	buf := u.buffers.answers.Get().(*[smallAnswer]byte)
	defer u.buffers.answers.Put(buf)
	body := buf[:k.response.ContentLength]
	if _, err := io.ReadFull(k.response.Body, body); err != nil {
		k.release(false)
		u.refuseBroken(out, r, x, err)
		return
	}
	k.release(true)
	x.Outcome = readOutcome(x, k.response, body)
	writeHead(out, x, k)
	if err := out.writeAll(body); err != nil {
		abandon(x, odoo.ClientGone, err)
	}
}

// refuseBroken answers for an answer that broke off before any of it was passed on.
func (u *Upstream) refuseBroken(out *clientWriter, r *http.Request, x *routing.Exchange, err error) {
	if gone := context.Cause(r.Context()); gone != nil {
		err = gone
	} else if timedOut(err) {
		err = &failure{stage: overdue, err: err}
	} else {
		err = &failure{stage: garbled, err: err}
	}
	u.refuse(out.ResponseWriter, r, x, err)
}

// abandon ends a connection whose answer cannot be finished. A clean end would pass for a
// whole answer where the length is not known.
func abandon(x *routing.Exchange, o odoo.Outcome, err error) {
	x.Outcome, x.Cause = o, err
	panic(http.ErrAbortHandler)
}

// writeHead sends the answer's head.
func writeHead(out *clientWriter, x *routing.Exchange, k *call) {
	prepareHead(out.Header(), x, k)
	x.Status = k.response.StatusCode
	out.WriteHeader(x.Status)
}

// prepareHead copies what concerns the client. A backend without its database hands out new
// anonymous sessions, which would replace good ones in the browser.
func prepareHead(to http.Header, x *routing.Exchange, k *call) {
	if k.backend.health.now() == DatabaseDown {
		delete(k.response.Header, "Set-Cookie")
	}
	copyHeader(to, k.response, x.Scheme == "https")
	learn(to, x, k.backend.name)
}

// learn lets the pin follow the session: at a login Odoo replaces the session's id, and only
// this server knows the new one. Of several cookies the last is what a browser keeps.
func learn(to http.Header, x *routing.Exchange, backend string) {
	if x.Learn == nil {
		return
	}
	taught := routing.Taught{Backend: backend}
	for _, c := range to["Set-Cookie"] {
		if session, ok := odoo.SessionSet(c); ok {
			taught.Session, taught.Set = session, true
		}
	}
	for _, c := range to["Cache-Control"] {
		taught.Public = taught.Public || strings.Contains(c, "public")
	}
	if x.Visit != nil && taught.Set && x.Pin == backend {
		if key, well := odoo.KeyOf(taught.Session); well && key != x.SessionKey || taught.Session == "" {
			x.Visit.Replaced() // by the one who knew it
		}
	}
	if cookies := x.Learn(taught); len(cookies) > 0 {
		to["Set-Cookie"] = append(to["Set-Cookie"], cookies...)
	}
}

// copyHeader copies all but what concerns one hop, or no client.
func copyHeader(to http.Header, response *http.Response, secure bool) {
	named := response.Header["Connection"]
	for name, values := range response.Header {
		if hopHeader(name) || odoo.ResponseHeaderDropped(name) || len(named) > 0 && namedByConnection(named, name) {
			continue
		}
		to[name] = values
	}
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		// A client that waits for its budget must not wait before it follows.
		delete(to, "Ratelimit")
		delete(to, "Ratelimit-Policy")
	}
	if !secure {
		return
	}
	cookies := to["Set-Cookie"]
	for i, c := range cookies {
		cookies[i] = odoo.SecureCookie(c) // Odoo adds neither Secure nor SameSite, also behind https
	}
}

// passesThrough names answers that must not wait in a buffer: events, and what the pool
// declares.
func passesThrough(x *routing.Exchange, response *http.Response) bool {
	if len(x.Pool.Streams) > 0 && routing.PathMatchAny(x.Pool.Streams, x.Path) {
		return true
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return kind == "text/event-stream"
}

// readOutcome says what the answer means. An encoded body tells nothing.
func readOutcome(x *routing.Exchange, response *http.Response, head []byte) odoo.Outcome {
	if o, ok := odoo.Redirect(response.StatusCode, response.Header.Get("Location")); ok {
		return o
	}
	if response.Header.Get("Content-Encoding") != "" {
		head = nil
	}
	kind := response.Header.Get("Content-Type")
	o := odoo.ReadOutcome(x.Class, response.StatusCode, kind, head)
	if o == odoo.OK && x.RPC.SignsIn() {
		o = odoo.SignInOutcome(x.RPC, response.StatusCode, kind, head)
	}
	return o
}

// appendTrailers passes on what a chunked answer said at its end. Names that decide about
// framing, routing or cookies have no place there.
func appendTrailers(to http.Header, trailer http.Header) {
	for name, values := range trailer {
		if hopHeader(name) || odoo.ResponseHeaderDropped(name) || strings.HasPrefix(name, "Content-") || name == "Set-Cookie" {
			continue
		}
		to[http.TrailerPrefix+name] = values
	}
}
