package standin

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ownRoutes are those that real Odoo lacks. They need no user and set no cookie, but for
// /standin/visit, which changes the session.
func ownRoutes() []*route {
	return []*route{
		{path: "/standin/small", stateless: true, handle: small},
		{path: "/standin/echo", stateless: true, handle: echo},
		{path: "/standin/echo/", stateless: true, handle: echo},
		{path: "/standin/visit", handle: visit},
		{path: "/standin/events", stateless: true, handle: events},
		{path: "/standin/trailers", stateless: true, handle: trailers},
		{path: "/standin/stream", stateless: true, handle: stream},
		{path: "/standin/slow", stateless: true, handle: slow},
		{path: "/standin/counters", stateless: true, handle: func(c *call) error { return c.sendJSON(200, c.srv.Counters()) }},
		{path: "/standin/state", stateless: true, handle: func(c *call) error { return c.sendJSON(200, c.srv.State()) }},
		{path: "/standin/bus", methods: "POST", stateless: true, handle: busHook},
	}
}

func small(c *call) error {
	return c.send(http.StatusOK, "text/plain", []byte(smallBody()))
}

// echo tells what arrived: the request as Odoo sees it.
func echo(c *call) error {
	hash := sha256.New()
	size, err := io.Copy(hash, c)
	if err != nil {
		return badBody(err)
	}
	fields := make([][2]string, 0, len(c.head.fields))
	for _, f := range c.head.fields {
		fields = append(fields, [2]string{f.name, f.value})
	}
	raw, query, _ := strings.Cut(c.target, "?")
	return c.sendJSON(http.StatusOK, object{
		"server": c.srv.cfg.Name, "version": c.srv.cfg.Version, "release": c.srv.cfg.Release,
		"worker": c.pid, "realtime": c.realtime, "peer": c.conn.RemoteAddr().String(),
		"method": c.method, "target": c.target, "proto": c.proto, "raw_path": raw, "path": c.path, "query": query,
		"headers": fields, "environ": c.env, "remote_addr": c.env["REMOTE_ADDR"],
		"scheme": c.env["wsgi.url_scheme"], "host": c.env["HTTP_HOST"],
		"db": c.db, "uid": c.session.UID, "sid": c.session.sid,
		"body_sha256": hex.EncodeToString(hash.Sum(nil)), "body_length": size,
	})
}

// visit counts in the session, so that it is saved and its cookie sent.
func visit(c *call) error {
	c.session.Visits++
	c.session.dirty = true
	return c.sendJSON(http.StatusOK, object{
		"server": c.srv.cfg.Name, "db": c.db, "uid": c.session.UID, "sid": c.session.sid, "visits": c.session.Visits,
	})
}

func (c *call) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.query(name)); err == nil {
		return n
	}
	return otherwise
}

func (c *call) span(name string, otherwise float64) Seconds {
	if n, err := strconv.ParseFloat(c.query(name), 64); err == nil {
		return Seconds(n)
	}
	return Seconds(otherwise)
}

// events is a stream of server-sent events: ?n= of them, one each ?every= seconds.
func events(c *call) error {
	c.header.Set("Content-Type", "text/event-stream")
	c.header.Set("Cache-Control", "no-cache")
	for i := range c.number("n", 10) {
		if _, err := fmt.Fprintf(c, "id: %d\ndata: {\"server\": %q, \"n\": %d}\n\n", i, c.srv.cfg.Name, i); err != nil {
			return errKilled
		}
		if c.flush(); c.err != nil {
			return errKilled
		}
		if err := c.sleep(c.span("every", 0.1).Duration()); err != nil {
			return err
		}
	}
	return nil
}

// trailers sends one after its body, where the protocol allows it.
func trailers(c *call) error {
	c.header.Set("Content-Type", "text/plain")
	c.header.Set("Trailer", "X-Standin-Checksum")
	if _, err := io.WriteString(c, "body with a trailer\n"); err != nil {
		return errKilled
	}
	c.header.Set(http.TrailerPrefix+"X-Standin-Checksum", "5eed")
	return nil
}

// stream sends ?size= bytes of the pattern without saying how many.
func stream(c *call) error {
	c.header.Set("Content-Type", "application/octet-stream")
	return c.copyOut(NewPattern(int64(c.number("size", 1<<20))))
}

// copyOut writes pieces of 8 KiB, as Werkzeug's file wrapper does.
func (c *call) copyOut(from io.Reader) error {
	_, err := bufio.NewReaderSize(from, 8<<10).WriteTo(&c.response)
	return c.sent(err)
}

// slow answers after ?seconds=.
func slow(c *call) error {
	if err := c.sleep(c.span("seconds", 1).Duration()); err != nil {
		return err
	}
	return c.send(http.StatusOK, textType, []byte("slow\n"))
}
