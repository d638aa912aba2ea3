package answer

import (
	"net/http"
	"strings"
)

const problemType = "application/problem+json"

// problem is Problem Details (RFC 9457), with the members that limits add.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// problemOnly has the members that JSON-2's own body has too.
type problemOnly struct {
	problem
	Code       string   `json:"code"`
	Violated   []string `json:"violated-policies,omitempty"`
	RetryAfter int      `json:"retry_after,omitempty"`
}

func newProblem(refusal Refusal, id string) problemOnly {
	return problemOnly{
		problem{refusal.Type, refusal.Title, refusal.Status, refusal.Detail, id},
		refusal.Code, refusal.Violated, retrySeconds(refusal.RetryAfter),
	}
}

// renderJSONTwo writes Odoo's own body, and Problem Details around it where there is a type.
func renderJSONTwo(r *http.Request, refusal Refusal, id string) (contentType string, body []byte) {
	contentType = "application/json"
	if refusal.Type == "" {
		return contentType, marshal(newFault(refusal))
	}
	if strings.Contains(r.Header.Get("Accept"), problemType) {
		contentType = problemType
	}
	return contentType, marshal(struct {
		problem
		fault
	}{newProblem(refusal, id).problem, newFault(refusal)})
}
