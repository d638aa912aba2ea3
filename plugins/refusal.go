package plugins

import (
	"errors"
	"net/http"
	"strconv"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// refusal is an answer of ours on its way up as an error.
type refusal struct{ answer.Refusal }

func (r *refusal) Error() string { return r.Code + ": " + r.Detail }

func refuse(status int, code, title, detail string) error {
	return &refusal{answer.Refusal{Status: status, Code: code, Title: title, Detail: detail}}
}

// redirect is the answer that sends a client to https.
type redirect struct{ to string }

func (r *redirect) Error() string { return "redirect to " + r.to }

func hostWithPort(host string, port int) string {
	if port == 0 || port == 443 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

// statusClientGone is for the log alone: nobody reads it.
const statusClientGone = 499

// answerError writes err in the caller's protocol. An error that is no refusal is a fault
// of ours: its text goes to the log, not to the client.
func answerError(w http.ResponseWriter, r *http.Request, x *routing.Exchange, err error) {
	x.Outcome = odoo.Refused
	x.Cause = err
	if errors.Is(err, errGone) {
		x.Outcome, x.Status = odoo.ClientGone, statusClientGone
		w.WriteHeader(statusClientGone)
		return
	}
	var known *refusal
	if !errors.As(err, &known) {
		known = &refusal{answer.Refusal{
			Status: http.StatusInternalServerError, Code: "internal", Title: "Something went wrong",
			Detail: "The gateway could not handle this request.",
		}}
	}
	x.Status = known.Status
	answer.Write(w, r, x, known.Refusal)
}

// Unknown answers requests for hosts that are no tenant's and no router's.
func (p *Path) Unknown() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &routing.Exchange{RequestID: requestID(r, p.trusts(peerAddr(r.RemoteAddr)))}
		p.metrics.unknown.Inc()
		answer.Write(w, r, x, unknownHost(r.Host))
	})
}

// unknownHost is 404 for a name, 400 for what can be none, and 421 for an address or nothing
// at all: a client that asks for an address reached a server, only not by a name that it
// serves.
func unknownHost(raw string) answer.Refusal {
	host, _, err := odoo.CanonicalHost(raw)
	if err != nil && raw != "" {
		return answer.Refusal{
			Status: http.StatusBadRequest, Code: "bad_host", Title: "Bad request",
			Detail: "The Host header is no host name.",
		}
	}
	if err != nil || odoo.IsIP(host) {
		return answer.Refusal{
			Status: http.StatusMisdirectedRequest, Code: "no_host", Title: "Ask by name",
			Detail: "This server answers to host names only.",
		}
	}
	return answer.Refusal{
		Status: http.StatusNotFound, Code: "unknown_host", Title: "No such site",
		Detail: "No site is served under this name. Check the address, or ask your administrator.",
	}
}
