package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing/cutover"
)

type eventsInput struct {
	ID   string `path:"id" maxLength:"128" doc:"Id of the cutover"`
	Last string `header:"Last-Event-ID" doc:"The last event that the caller has: the stream goes on behind it"`
}

// remainderEvery is how often what is left is told.
const remainderEvery = time.Second

func (s *Server) registerEvents(h huma.API) {
	op := operation("watchCutover", http.MethodGet, "/cutovers/{id}/events", Viewer,
		"A cutover as it goes, as server-sent events: timeline (with an id, without gaps), cutover at each change, remainder each second; it ends with the cutover")
	huma.Register(h, op, s.watchCutover)
}

func (s *Server) watchCutover(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	_, c, err := s.findCutover(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	next := 0
	if in.Last != "" {
		last, err := strconv.Atoi(in.Last)
		if err != nil || last < 0 {
			return nil, huma.Error422UnprocessableEntity("Last-Event-ID: " + strconv.Quote(in.Last) + " is none of ours")
		}
		next = last + 1
	}
	w := watcher{server: s, ctx: ctx, tenant: c.Tenant, id: c.ID, next: next}
	return &huma.StreamResponse{Body: w.stream}, nil
}

// watcher follows one cutover for one client.
type watcher struct {
	server     *Server
	ctx        context.Context // of the request
	tenant, id string
	next       int // index of the timeline
	out        http.ResponseWriter
	control    *http.ResponseController
}

func (w *watcher) stream(h huma.Context) {
	h.SetHeader("Content-Type", "text/event-stream")
	h.SetHeader("Cache-Control", "no-store")
	h.SetHeader("X-Accel-Buffering", "no")
	out, ok := h.BodyWriter().(http.ResponseWriter)
	if !ok {
		return
	}
	w.out, w.control = out, http.NewResponseController(out)
	changed, stop := w.server.config.Runtime.Subscribe()
	defer stop()
	tick := time.NewTicker(remainderEvery)
	defer tick.Stop()
	for last := ""; ; {
		c := w.look()
		if c == nil || !w.tell(c, &last) || c.Ended != nil {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
			left := w.server.config.Runtime.Remainder(w.tenant, c.Plan.Idle)
			if !w.send("remainder", "", left) {
				return
			}
		case <-w.ctx.Done():
			return
		case <-w.server.stopping:
			return
		}
	}
}

// look finds the cutover again; nil: another one has taken its place.
func (w *watcher) look() *cutover.Cutover {
	rec, _ := w.server.config.Runtime.Tenant(w.tenant)
	for _, c := range []*cutover.Cutover{rec.Cutover, rec.Last} {
		if c != nil && c.ID == w.id {
			return c
		}
	}
	return nil
}

// tell sends what is new.
func (w *watcher) tell(c *cutover.Cutover, last *string) bool {
	first := c.Dropped
	for ; w.next < first+len(c.Timeline); w.next++ {
		if w.next < first {
			w.next = first
		}
		if !w.send("timeline", strconv.Itoa(w.next), viewEvent(c.Timeline[w.next-first])) {
			return false
		}
	}
	view := w.server.viewCutover(c)
	view.Remainder = nil
	text, err := json.Marshal(view)
	if err != nil || string(text) == *last {
		return err == nil
	}
	*last = string(text)
	return w.send("cutover", "", view)
}

// send writes one event. Each has half a minute: a client that takes nothing has gone.
func (w *watcher) send(name, id string, data any) bool {
	text, err := json.Marshal(data)
	if err != nil {
		return false
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(30 * time.Second)) // not all writers have one
	if id != "" {
		id = "id: " + id + "\n"
	}
	if _, err := fmt.Fprintf(w.out, "%sevent: %s\ndata: %s\n\n", id, name, text); err != nil {
		return false
	}
	return w.control.Flush() == nil
}

type waitInput struct {
	Tenant  string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Until   string `query:"until" required:"true" enum:"drained,held,completed" doc:"drained: nothing is left on the side that is left; held: every gateway holds; completed: no cutover runs"`
	Timeout string `query:"timeout" default:"30s" doc:"50s at most; ask again"`
}

type waited struct {
	Status int
	Body   api.Waited
}

// longestWait is within the time that an answer may take; who wants to wait longer asks again.
const longestWait = 50 * time.Second

func (s *Server) registerWaits(h huma.API) {
	op := operation("waitForTenant", http.MethodGet, "/tenants/{tenant}/wait", Viewer, "Wait until a tenant is so far: 200 when it is, 408 when it is not yet, 503 when nobody knows")
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusServiceUnavailable)
	huma.Register(h, op, s.wait)
}

func (s *Server) wait(ctx context.Context, in *waitInput) (*waited, error) {
	if _, err := s.findTenant(ctx, in.Tenant); err != nil {
		return nil, err
	}
	limit, err := span("timeout", in.Timeout, 0)
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(min(limit, longestWait))
	defer late.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		out, reached := s.sofar(in.Tenant, in.Until)
		if reached {
			return &waited{http.StatusOK, out}, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			if !out.Remainder.Known || out.Remainder.Young {
				return &waited{http.StatusServiceUnavailable, out}, nil
			}
			return &waited{http.StatusRequestTimeout, out}, nil
		case <-s.stopping:
			return nil, huma.Error503ServiceUnavailable("this gateway stops: ask another")
		}
	}
}

// sofar says whether a tenant is as somebody waits for. What is not known is not reached.
func (s *Server) sofar(tenant, until string) (api.Waited, bool) {
	rec, _ := s.config.Runtime.Tenant(tenant)
	idle := time.Duration(0)
	if rec.Cutover != nil {
		idle = rec.Cutover.Plan.Idle
	}
	left := s.config.Runtime.Remainder(tenant, idle)
	out := api.Waited{Until: until, Remainder: &left}
	switch until {
	case "completed":
		out.Reached = rec.Cutover == nil
	case "held":
		held := rec.Hold != nil || rec.Cutover != nil && rec.Cutover.Held
		out.Reached = held && left.Known && len(s.config.Runtime.Laggards(tenant, rec.Sequence)) == 0
	case "drained":
		side := ""
		switch {
		case rec.Cutover != nil:
			side = rec.Cutover.Leaving()
		case rec.Last != nil:
			side = rec.Last.Leaving()
		}
		of := left.Releases[side]
		out.Reached = side != "" && left.Known && !left.Young && of.InFlight == 0 && of.Sockets == 0 && of.Sessions == 0
	}
	return out, out.Reached
}
