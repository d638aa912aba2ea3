package upstream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// What selection found.
var (
	errDatabaseDown = errors.New("the database server does not answer")
	errEmptyPool    = errors.New("the pool has no backends")
)

// statusClientGone is for the log alone: nobody reads it.
const statusClientGone = 499

// refuse answers with what err means. It is the one place that turns an error of this
// package into a status.
func (u *Upstream) refuse(w http.ResponseWriter, r *http.Request, x *routing.Exchange, err error) {
	x.Cause = err
	if errors.Is(err, context.Canceled) {
		x.Outcome, x.Status = odoo.ClientGone, statusClientGone
		w.WriteHeader(statusClientGone)
		return
	}
	var busy *admission.Refused
	if errors.As(err, &busy) {
		u.sayBusy(r.Context(), busy)
	}
	refusal := refusalFor(err)
	x.Outcome, x.Status = odoo.Refused, refusal.Status
	if refusal.Status >= 500 {
		x.Outcome = odoo.Unavailable
	}
	answer.Write(w, r, x, refusal)
}

func refusalFor(err error) answer.Refusal {
	var own *refusal
	if errors.As(err, &own) {
		return own.Refusal
	}
	var fault *clientFault
	if errors.As(err, &fault) {
		return faultRefusal(fault)
	}
	var busy *admission.Refused
	if errors.As(err, &busy) {
		return busyRefusal(busy)
	}
	var rest *errResting
	if errors.As(err, &rest) {
		return restRefusal()
	}
	switch {
	case errors.Is(err, spool.ErrTooLarge):
		return refusalOf(http.StatusRequestEntityTooLarge, "body_too_large", "Request too large",
			"The request body is larger than this gateway takes.", 0)
	case errors.Is(err, spool.ErrNoSpace):
		return refusalOf(http.StatusServiceUnavailable, "no_space", "Busy",
			"The gateway has no room for this upload now.", 5*time.Second)
	case errors.Is(err, errDatabaseDown):
		return refusalOf(http.StatusServiceUnavailable, "database_down", "The database is not available",
			"The application is up but its database server does not answer. Nothing is lost: your session stays valid.", 5*time.Second)
	default:
		return attemptRefusal(err)
	}
}

// restRefusal is for a site all of whose servers are being worked on.
func restRefusal() answer.Refusal {
	return refusalOf(http.StatusServiceUnavailable, "backend_maintenance", "Maintenance",
		"The servers of this site are being worked on. Nothing of your request was carried out.", 30*time.Second)
}

// attemptRefusal is for errors of the backend's side.
func attemptRefusal(err error) answer.Refusal {
	var f *failure
	if !errors.As(err, &f) || f.stage == connecting {
		status := http.StatusServiceUnavailable
		if f != nil {
			status = http.StatusBadGateway // the one status that Odoo's own scripts know
		}
		return refusalOf(status, "backend_down", "The application is not available",
			"No server of this site can be reached at the moment. Nothing of your request was carried out.", 5*time.Second)
	}
	switch f.stage {
	case overdue:
		return refusalOf(http.StatusGatewayTimeout, "backend_timeout", "The application took too long",
			"It did not answer in time. What you asked for may still be going on; check before you repeat it.", 0)
	case connecting, waiting, garbled:
	}
	return refusalOf(http.StatusBadGateway, "backend_failed", "The application broke off",
		"It ended the connection without a proper answer. Check whether your change was saved before you repeat it.", 0)
}

// busyRefusal is for a request that got no worker. Which queue it was stands in the log.
func busyRefusal(busy *admission.Refused) answer.Refusal {
	detail := "All workers of this site are busy, and as many requests wait for one as it takes."
	switch busy.Reason {
	case admission.Aged:
		detail = "All workers of this site are busy, and none became free for this request in time."
	case admission.Down, admission.Retired:
		return refusalOf(http.StatusServiceUnavailable, "backend_down", "The application is not available",
			"The server went away while the request waited for it.", busy.RetryAfter)
	case admission.Full:
	}
	return refusalOf(http.StatusServiceUnavailable, "busy", "Busy", detail+" Nothing of your request was carried out.", busy.RetryAfter)
}

func faultRefusal(fault *clientFault) answer.Refusal {
	if timedOut(fault) {
		late := refusalOf(http.StatusRequestTimeout, "body_timeout", "Request too slow",
			"The request body did not arrive in time.", 0)
		late.Header = http.Header{"Connection": {"close"}}
		return late
	}
	return refusalOf(http.StatusBadRequest, "broken_request", "Bad request", "The request ended early or was malformed.", 0)
}

func refusalOf(status int, code, title, detail string, retry time.Duration) answer.Refusal {
	return answer.Refusal{Status: status, Code: code, Title: title, Detail: detail, RetryAfter: retry}
}

// refusal is an answer of ours on its way up as an error.
type refusal struct{ answer.Refusal }

func (r *refusal) Error() string { return r.Code + ": " + r.Detail }
