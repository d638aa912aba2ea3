package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing/cutover"
)

// How a write goes: the role and the precondition are looked at before its body is read; then
// whether it was done already (Idempotency-Key), whether the resource is still what the caller
// has seen (If-Match), what it would change (dryRun); then it is written into the audit log,
// then done; and it is answered once every gateway follows, or with those that do not yet.

// Writing is what every write has.
type Writing struct {
	IfMatch string `header:"If-Match" doc:"ETag of what is changed, as the caller has seen it"`
	Key     string `header:"Idempotency-Key" maxLength:"128" doc:"The same write under the same key is done once"`
	DryRun  bool   `query:"dryRun" doc:"Say what would change, and change nothing"`
}

// followWithin is how long a write waits for the other gateways.
const followWithin = 2 * time.Second

const matchKey = "match"

// writeOperation is an operation that changes something. resource says what If-Match is of.
func writeOperation(id, method, path string, needs Role, summary, resource string) huma.Operation {
	op := operation(id, method, path, needs, summary)
	op.MaxBodyBytes = 64 << 10
	op.Metadata[matchKey] = true
	op.Description += " If-Match is the ETag of the " + resource + "."
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed,
		http.StatusUnprocessableEntity, http.StatusPreconditionRequired, http.StatusServiceUnavailable)
	return op
}

// precondition refuses a write without one, before its body is read (RFC 6585, section 3).
func precondition(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		needed, _ := ctx.Operation().Metadata[matchKey].(bool)
		if needed && ctx.Header("If-Match") == "" {
			_ = huma.WriteErr(h, ctx, http.StatusPreconditionRequired,
				"say what you have seen: GET it, and send its ETag as If-Match")
			return
		}
		next(ctx)
	}
}

// matched refuses a write whose caller has seen something else. "*" is whatever is there.
func matched(in Writing, tag, what string) error {
	if in.IfMatch == "*" || in.IfMatch == tag {
		return nil
	}
	return huma.ErrorWithHeaders(
		huma.Error412PreconditionFailed(what+" was changed meanwhile: look again, then decide"),
		http.Header{"Etag": {tag}})
}

// order is one write on its way.
type order struct {
	Writing
	operation, tenant, target, reason string
	body                              any
}

// written is the answer of a write.
type written[T any] struct {
	Status   int
	Location string `header:"Location"`
	Body     T
}

// once does an order, or answers what it answered before under the same key.
func once[T any](ctx context.Context, s *Server, o order, do func() (*written[T], error)) (*written[T], error) {
	if o.Key == "" || o.DryRun {
		return do()
	}
	text, err := json.Marshal(struct{ Operation, Target, Reason, Body any }{o.operation, o.target, o.reason, o.body})
	if err != nil {
		return nil, err
	}
	key := actorFrom(ctx).Name + "\x00" + o.Key
	e, fresh := s.keys.take(key, string(text), time.Now())
	switch {
	case e == nil:
		return nil, usedKey(o.Key)
	case !fresh:
		return await(ctx, e, do)
	}
	var answer *written[T]
	defer func() { s.keys.end(e, answer, answer != nil) }()
	there, used := answered[T](ctx, s, key, string(text))
	switch {
	case used:
		return nil, usedKey(o.Key)
	case there != nil:
		answer = there
		return answer, nil
	}
	done, err := do()
	if err != nil {
		return nil, err
	}
	answer = done
	share(context.WithoutCancel(ctx), s, key, string(text), answer)
	return answer, nil
}

// await is the answer of who came first with the same key.
func await[T any](ctx context.Context, e *keyed, do func() (*written[T], error)) (*written[T], error) {
	select {
	case <-e.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if answer, ok := e.answer.(*written[T]); ok {
		return answer, nil
	}
	return do() // it had failed, and did nothing
}

func usedKey(key string) error {
	return huma.Error422UnprocessableEntity(fmt.Sprintf("Idempotency-Key %q was used for another write: take a new one for each decision", key))
}

// noted writes an order into the audit log. Without that it is not done. The hash goes to the
// process's log, too, which others may keep: so a log that lost its end can be told.
func (s *Server) noted(ctx context.Context, o order) error {
	who := actorFrom(ctx)
	text, err := json.Marshal(o.body)
	var record api.AuditRecord
	if err == nil {
		record, err = s.config.Audit.Append(api.AuditRecord{
			Actor: who.Name, Role: string(who.Role), Client: who.Client, Operation: o.operation,
			Tenant: o.tenant, Target: o.target, Reason: o.reason, Body: string(text),
		})
	}
	if err != nil {
		s.log.ErrorContext(ctx, "a change was refused because it cannot be written into the audit log", "operation", o.operation, "target", o.target, "err", err)
		return &huma.ErrorModel{
			Type: "audit", Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError,
			Detail: "nothing was changed: the audit log cannot be written (" + err.Error() + "); look at the disk of spec.dataDir",
		}
	}
	s.log.WarnContext(ctx, "change asked for", "operation", o.operation, "tenant", o.tenant, "target", o.target, "actor", who.Name, "reason", o.reason, "audit", record.Sequence, "hash", record.Hash)
	return nil
}

// refused puts what the model says into an answer.
func refused(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, cutover.ErrInvalidPlan):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, cutover.ErrRunning), errors.Is(err, cutover.ErrNoCutover), errors.Is(err, cutover.ErrPastReturn), errors.Is(err, cutover.ErrNotNow):
		return huma.Error409Conflict(err.Error())
	}
	var known huma.StatusError
	if errors.As(err, &known) {
		return err
	}
	return huma.Error503ServiceUnavailable("the change was not made: " + err.Error())
}

// follow waits a moment for the other gateways and says who has not followed.
func (s *Server) follow(ctx context.Context, tenant string, sequence uint64) (status int, laggards []string) {
	return followed(ctx, func() []string { return s.config.Runtime.Laggards(tenant, sequence) })
}

func (s *Server) followPool(ctx context.Context, pool string, sequence uint64) (status int, laggards []string) {
	return followed(ctx, func() []string { return s.config.Runtime.PoolLaggards(pool, sequence) })
}

func followed(ctx context.Context, behind func() []string) (status int, laggards []string) {
	late := time.NewTimer(followWithin)
	defer late.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		if laggards = behind(); len(laggards) == 0 {
			return http.StatusOK, nil
		}
		select {
		case <-tick.C:
		case <-late.C:
			return http.StatusAccepted, laggards
		case <-ctx.Done():
			return http.StatusAccepted, laggards
		}
	}
}

// span reads a time span that may be left out.
func span(field, text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, huma.Error422UnprocessableEntity(fmt.Sprintf("%s: %q is no time span such as 25s, 10m or 2h", field, text))
	}
	return d, nil
}

// longestOverride is how long something may hold that ends by itself.
const longestOverride = 366 * 24 * time.Hour

// expiry reads when something ends: after a span, or at a moment; nil: never.
func expiry(text string, now time.Time) (*time.Time, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // it never ends
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		d, err := span("expires", text, 0)
		if err != nil || d <= 0 {
			return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("expires: %q is no time span such as 2h, and no moment such as 2026-11-23T06:00:00Z", text))
		}
		at = now.Add(d)
	}
	switch at = at.UTC(); {
	case !at.After(now):
		return nil, huma.Error422UnprocessableEntity("expires: " + text + " is over")
	case at.Sub(now) > longestOverride:
		return nil, huma.Error422UnprocessableEntity("expires: a year at most; what holds for longer is declared")
	}
	return &at, nil
}

// said is the reason, cut.
func said(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if len(reason) < 3 {
		return "", huma.Error422UnprocessableEntity("reason: say why, in three characters or more")
	}
	return reason, nil
}
