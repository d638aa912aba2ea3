package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// writesOfTheAdminAPI: what is written against an old state, against none, twice, or under a
// key that stood for something else.
func writesOfTheAdminAPI(t *testing.T, s *site, tenant string) {
	start := "/tenants/" + tenant + "/cutovers"
	slowly := harness.Object{"to": "green", "strategy": "drain", "idle": "10m", "deadline": "20m", "skipPreflight": true, "reason": "release 4711"}
	send := func(path string, body harness.Object, header ...string) harness.Reply {
		t.Helper()
		reply, err := s.API().Do(t.Context(), http.MethodPost, path, body, header...)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	tag, err := s.All[0].API().Tag(t.Context(), "/tenants/"+tenant)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range s.All[1:] {
		if other, err := g.API().Tag(t.Context(), "/tenants/"+tenant); err != nil || other != tag {
			t.Errorf("one replica's ETag is %s, another's %s, %v: a write to any of them needs the same", tag, other, err)
		}
	}

	refused := func(what string, reply harness.Reply, status int, says string) {
		t.Helper()
		var problem struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal([]byte(reply.Body), &problem); err != nil || reply.Status != status || problem.Status != status ||
			!strings.HasPrefix(reply.Header.Get("Content-Type"), "application/problem+json") || !strings.Contains(reply.Body, says) {
			t.Errorf("%s: %d %q, want %d and %q: %.400s", what, reply.Status, reply.Header.Get("Content-Type"), status, says, reply.Body)
		}
	}
	refused("no If-Match", send(start, slowly), http.StatusPreconditionRequired, "If-Match")
	refused("no If-Match, and no body that makes sense", send(start, harness.Object{"nonsense": true}), http.StatusPreconditionRequired, "If-Match")
	refused("no reason", send(start, harness.Object{"to": "green"}, "If-Match: "+tag), http.StatusUnprocessableEntity, "reason")
	refused("no such release", send(start, harness.Object{"to": "red", "reason": "release 4711"}, "If-Match: "+tag), http.StatusUnprocessableEntity, "red")
	refused("no such tenant", send("/tenants/nobody/cutovers", slowly, "If-Match: "+tag), http.StatusNotFound, "nobody")

	dry := send(start+"?dryRun=true", slowly, "If-Match: "+tag)
	var would struct {
		DryRun  bool
		Changes []any
		Impact  *struct{ Known bool }
	}
	if err := json.Unmarshal([]byte(dry.Body), &would); err != nil || dry.Status != http.StatusOK || !would.DryRun || len(would.Changes) == 0 || would.Impact == nil {
		t.Errorf("a dry run: %d %.500s", dry.Status, dry.Body)
	}
	if again, err := s.API().Tag(t.Context(), "/tenants/"+tenant); err != nil || again != tag {
		t.Errorf("a dry run has changed something: %s, %s, %v", tag, again, err)
	}

	first := send(start, slowly, "If-Match: "+tag, "Idempotency-Key: night-1")
	if first.Status != http.StatusAccepted || first.Header.Get("Location") == "" {
		t.Fatalf("the start: %d, Location %q, %.400s", first.Status, first.Header.Get("Location"), first.Body)
	}
	refused("what was seen is out of date", send(start, slowly, "If-Match: "+tag), http.StatusPreconditionFailed, "")
	for i, g := range s.All {
		reply, err := g.API().Do(t.Context(), http.MethodPost, start, slowly, "If-Match: "+tag, "Idempotency-Key: night-1")
		switch again := err == nil && reply.Status == first.Status && reply.Body == first.Body && reply.Header.Get("Location") == first.Header.Get("Location"); {
		case again:
		case err == nil && reply.Status == http.StatusPreconditionFailed && s.busyStore(t) > 0:
			t.Logf("replica %d has not heard of the key, and the store left calls without an answer: it does nothing twice all the same", i)
		default:
			t.Errorf("replica %d answers the same write with %d %v %.300s, the first time it was %.300s", i, reply.Status, err, reply.Body, first.Body)
		}
	}
	other := harness.Object{"to": "green", "reason": "release 4712"}
	refused("the key of another write", send(start, other, "If-Match: "+tag, "Idempotency-Key: night-1"), http.StatusUnprocessableEntity, "night-1")
	var list struct{ Cutovers []harness.View }
	if err := s.API().Get(t.Context(), start, &list); err != nil || len(list.Cutovers) != 1 {
		t.Errorf("so many writes started %d cutovers: %v", len(list.Cutovers), err)
	}
	s.inAudit(t, tenant, "release 4711")
}

// busyStore counts the calls that the store did not answer in time.
func (s *site) busyStore(t *testing.T) float64 {
	t.Helper()
	return s.All.Sum(t, "sluice_store_calls_total") - s.All.Sum(t, "sluice_store_calls_total", `result="ok"`)
}

// inAudit wants a record of the write in the audit log of a replica.
func (s *site) inAudit(t *testing.T, tenant, reason string) {
	t.Helper()
	count := 0
	for _, g := range s.All {
		var log struct {
			Records []struct{ Operation, Tenant, Reason, Actor string }
		}
		if err := g.API().Get(t.Context(), "/audit?tenant="+tenant, &log); err != nil {
			t.Fatal(err)
		}
		for _, r := range log.Records {
			if r.Reason == reason && r.Actor != "" {
				count++
			}
		}
	}
	if count == 0 {
		t.Errorf("no audit log has the write with the reason %q", reason)
	}
}

// eventsHaveNoGap: somebody follows a cutover and is cut off again and again, each
// time by another replica. He hears each event once and in order.
func eventsHaveNoGap(t *testing.T, s *site, tenant string) {
	m := s.Start(t, tenant, "green", harness.Object{
		"strategy": "shift", "shares": []harness.Object{{"percent": 10}, {"percent": 30}, {"percent": 60}}, "watch": "1s",
	})
	m.In(t, "shifting")
	path := "/cutovers/" + m.ID + "/events"
	var ids []int
	last := ""
	hear := func(g *harness.Gateway, most int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*harness.Patience)
		defer cancel()
		err := g.API().Events(ctx, path, last, func(e harness.Event) bool {
			if e.ID == "" {
				return false // may be missed
			}
			n, err := strconv.Atoi(e.ID)
			if err != nil {
				t.Errorf("an event's id is %q", e.ID)
			}
			ids, last = append(ids, n), e.ID
			most--
			return most == 0
		})
		if err != nil {
			t.Fatalf("events after %q: %v", last, err)
		}
	}
	hear(s.All[0], 1)
	hear(s.All[1], 1)
	m.Must(t, "promote")
	hear(s.All[2], 1)
	m.Push(t)
	want := len(m.View(t).Timeline)
	hear(s.All[0], want-len(ids))
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != want || ids[len(ids)-1]-ids[0] != want-1 {
		t.Errorf("heard events %v of a timeline with %d lines", ids, want)
	}
	hear(s.All[1], 1<<30) // the stream of what is over ends
	if len(ids) != want {
		t.Errorf("after the end there is more: %v", ids)
	}
}
