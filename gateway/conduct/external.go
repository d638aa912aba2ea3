package conduct

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

// Order is what an external step is told. It comes again with the same Idempotency-Key when
// whoever drove the cutover has died: the receiver must do the step once, and answer the
// repetition as it would the first.
type Order struct {
	Event    string `json:"event"` // "cutover.external"
	Cutover  string `json:"cutover"`
	Tenant   string `json:"tenant"`
	From     string `json:"from"`
	To       string `json:"to"`
	NoReturn bool   `json:"noReturn"`
	Fence    uint64 `json:"fence"` // of two orders the one with the smaller fence is out of date
	Confirm  string `json:"confirm"`
	Deadline string `json:"deadline,omitempty"`
}

const connectPause = 2 * time.Second // between attempts to reach a webhook

// runExternal calls the webhook of an external step. Nil means that the step has begun, and
// somebody will confirm it.
func (c *Conductor) runExternal(ctx context.Context, cut cutover.Cutover) *cutover.Result {
	e := cut.Plan.External
	if e == nil || e.Webhook == "" {
		return nil // an operator confirms
	}
	order := Order{
		Event: "cutover.external", Cutover: cut.ID, Tenant: cut.Tenant, From: cut.From, To: cut.Plan.To,
		NoReturn: cut.Plan.NoReturn, Fence: cut.Fence, Confirm: "/api/v1/cutovers/" + cut.ID + "/confirm",
	}
	if cut.Until != nil {
		order.Deadline = cut.Until.UTC().Format(time.RFC3339)
	}
	for {
		r, err := c.call.post(ctx, e.Webhook, cut.ID+"/"+string(cut.Phase), order)
		switch {
		case err != nil && unsent(err) && pause(ctx, connectPause):
			c.log.WarnContext(ctx, "the webhook of an external step cannot be reached, trying again", "tenant", cut.Tenant, "cutover", cut.ID, "err", err)
			continue
		case err != nil && unsent(err):
			return &cutover.Result{Text: "the webhook of the external step cannot be reached, so nothing was done: " + brief(err.Error())}
		case err != nil:
			// It may go on there. Only somebody who looks can say how it ended.
			c.log.ErrorContext(ctx, "the webhook of an external step was called and gave no answer: look whether the step is done there, then confirm or abort the cutover",
				"tenant", cut.Tenant, "cutover", cut.ID, "err", err)
			return nil
		}
		return c.heard(ctx, cut, r)
	}
}

// heard reads the answer of an external step.
func (c *Conductor) heard(ctx context.Context, cut cutover.Cutover, r reply) *cutover.Result {
	switch {
	case r.status == http.StatusAccepted:
		c.log.InfoContext(ctx, "an external step has begun; its end will be confirmed", "tenant", cut.Tenant, "cutover", cut.ID)
		return nil
	case r.status >= 200 && r.status < 300:
		return &cutover.Result{OK: true, Text: "the external step is done"}
	}
	return &cutover.Result{Text: fmt.Sprintf("the external step failed: its webhook answers %d: %s", r.status, brief(string(r.body)))}
}

// pause is false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
