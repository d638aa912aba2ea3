package conduct

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

// runCheck asks whether a failover's target may be written to. A standby that is not heard
// to be writable, or whose lag nobody knows, is none: two databases that both take orders
// cannot be made one again.
func (c *Conductor) runCheck(ctx context.Context, check cutover.Check) cutover.Result {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	r, err := c.call.get(ctx, check.URL)
	switch {
	case err != nil:
		return cutover.Result{Text: "the standby's check does not answer: " + brief(err.Error())}
	case r.status != http.StatusOK:
		return cutover.Result{Text: fmt.Sprintf("the standby's check answers %d: %s", r.status, brief(string(r.body)))}
	}
	return judgeStandby(check, r.body)
}

func judgeStandby(check cutover.Check, body []byte) cutover.Result {
	var said struct {
		Writable *bool    `json:"writable"`
		Lag      *float64 `json:"lagSeconds"`
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Writable == nil || said.Lag == nil {
		return cutover.Result{Text: `the standby's check must answer {"writable": true, "lagSeconds": 0.4}, not ` + brief(string(body))}
	}
	lag := time.Duration(*said.Lag * float64(time.Second)).Round(time.Millisecond)
	switch {
	case !*said.Writable:
		return cutover.Result{Text: "the standby's database is not writable: promote it"}
	case *said.Lag < 0 || *said.Lag > check.MaxLag.Seconds():
		return cutover.Result{Text: fmt.Sprintf("the standby's database is %s behind, %s are allowed", lag, check.MaxLag)}
	}
	return cutover.Result{OK: true, Text: fmt.Sprintf("the standby's database is writable, %s behind", lag)}
}

// tryCheck asks again and again for as long as the plan waits.
func (c *Conductor) tryCheck(ctx context.Context, check cutover.Check) cutover.Result {
	end := time.Now().Add(check.Wait)
	for {
		r := c.runCheck(ctx, check)
		if r.OK || !time.Now().Before(end) || !pause(ctx, time.Second) {
			return r
		}
	}
}
