package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
)

// probeBody is as much of a health page as is read.
const probeBody = 4 << 10

// probe asks a backend how it is and takes what it finds to heart. It opens a connection of
// its own and sends the whole request at once: an idle connection would hold a worker for
// two seconds.
func (u *Upstream) probe(ctx context.Context, b *backend) {
	pool := b.owner.conf.Load()
	r := rulesOf(pool)
	r.silence = u.timing.Silence
	f := ask(ctx, b.http, r, healthQuery(pool, r))
	if f.verdict == silent {
		f.realtimeUp = b.realtime != b.http && ask(ctx, b.realtime, r, "").verdict == good
	}
	if ctx.Err() != nil {
		return // the gateway stops; that says nothing about the backend
	}
	now, before := time.Now(), b.health.now()
	if b.health.observe(f, r, now) {
		u.logHealth(b)
		u.turned(b, before, now)
	}
	if f.verdict == good && !b.rests() && b.warmth.start() {
		u.warmers.Go(func() { u.warmUp(ctx, b) })
	}
}

// healthQuery makes Odoo's own health page look at the database server, where it can.
func healthQuery(p *routing.Pool, r rules) string {
	if r.path == p.Profile.HealthPath {
		return p.Profile.HealthDatabase
	}
	return ""
}

func ask(ctx context.Context, e *endpoint, r rules, query string) finding {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	c, err := e.dial(ctx, r.timeout)
	if err != nil {
		return finding{verdict: silentOr(failed, err), reason: err.Error()}
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	c.begin(bufio.NewReaderSize(nil, readerSize), r.timeout)
	// Without a request of net/http's, the answer is read as a GET's.
	if _, err = c.Write(probeHead(e.host, r.path, query)); err == nil {
		var response *http.Response
		if response, err = c.readHead(&request{}); err == nil { //nolint:bodyclose // the connection is closed instead
			return judge(response)
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err() // the kill shows as a closed connection
	}
	return finding{verdict: silentOr(failed, err), connected: true, reason: err.Error()}
}

func probeHead(host, path, query string) []byte {
	var b bytes.Buffer
	b.WriteString("GET " + path)
	if query != "" {
		b.WriteString("?" + query)
	}
	b.WriteString(" HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: sluice-health\r\nAccept: */*\r\nConnection: close\r\n\r\n")
	return b.Bytes()
}

func silentOr(v verdict, err error) verdict {
	if errors.Is(err, context.DeadlineExceeded) || timedOut(err) {
		return silent
	}
	return v
}

// judge reads a health page: 200 is healthy unless the body says fail.
func judge(response *http.Response) finding {
	body, err := io.ReadAll(io.LimitReader(response.Body, probeBody))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return finding{verdict: silentOr(failed, err), connected: true, reason: err.Error()}
	}
	text := strings.ReplaceAll(string(body), " ", "")
	switch {
	case strings.Contains(text, `"db_server_status":false`):
		return finding{verdict: noDatabase, connected: true, reason: "database server away"}
	case response.StatusCode != http.StatusOK:
		return finding{verdict: failed, connected: true, reason: "health page: " + response.Status}
	case strings.Contains(text, `"status":"fail"`):
		return finding{verdict: failed, connected: true, reason: "health page says fail"}
	default:
		return finding{verdict: good, connected: true}
	}
}

func (u *Upstream) logHealth(b *backend) {
	state, _, reason := b.health.facts()
	log := u.log.With("pool", b.pool, "backend", b.name, "state", state.String())
	if state.serves() {
		log.Info("backend health changed")
		return
	}
	b.gate.Flush() // who waits for a worker there looks for another server
	log.Warn("backend health changed", "reason", reason)
}
