package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// complete says in the description what the library cannot see in the types: answers that are
// no JSON, those that other layers give, and which of two successes means what.
func complete(doc *huma.OpenAPI) {
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op != nil {
				completed(op)
			}
		}
	}
}

func completed(op *huma.Operation) {
	trouble := op.Responses[strconv.Itoa(http.StatusUnauthorized)].Content
	answer := func(status int, text string) *huma.Response {
		key := strconv.Itoa(status)
		if op.Responses[key] == nil {
			op.Responses[key] = &huma.Response{Content: trouble}
		}
		op.Responses[key].Description = text
		return op.Responses[key]
	}
	answer(http.StatusTooManyRequests, "Too many wrong tokens from this address; Retry-After says when")
	if strings.Contains(op.Path, "{") || op.OperationID == "exportTenants" {
		answer(http.StatusNotFound, "There is none of that name, or it is not yours to see")
	}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "If-None-Match" }) {
		answer(http.StatusNotModified, "It is as the caller has it").Content = nil
	}
	if guarded, _ := op.Metadata[matchKey].(bool); guarded {
		completedWrite(op, answer)
	}
	text := func(kinds ...string) {
		content := map[string]*huma.MediaType{}
		for _, kind := range kinds {
			content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		}
		answer(http.StatusOK, "OK").Content = content
	}
	switch op.OperationID {
	case "watchCutover":
		text("text/event-stream")
	case "getCutoverReport":
		text("text/markdown")
		answer(http.StatusOK, "OK").Content["application/json"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject}}
		answer(http.StatusConflict, "It has not ended yet")
	case "exportTenants":
		text("application/yaml")
		answer(http.StatusConflict, "A document cannot be edited by a program")
	case "waitForTenant":
		so := answer(http.StatusOK, "It is so").Content
		answer(http.StatusRequestTimeout, "It is not so yet").Content = so
		answer(http.StatusServiceUnavailable, "A gateway is silent, so nobody knows").Content = so
	}
}

// completedWrite is for those with If-Match.
func completedWrite(op *huma.Operation, answer func(int, string) *huma.Response) {
	began := op.DefaultStatus == http.StatusAccepted
	from, other := http.StatusOK, http.StatusAccepted
	if began {
		from, other = other, from
	}
	content := answer(from, "").Content
	answer(other, "").Content = content
	if began {
		answer(http.StatusOK, "With dryRun: what it would do")
		answer(http.StatusAccepted, "It has begun; Location says where it is")
	} else {
		answer(from, "It is done on every gateway; with dryRun: what it would do").Headers = nil
		answer(other, "It is decided; the laggards have not followed yet")
	}
	answer(http.StatusConflict, "It does not fit now; the detail says why, and what does")
	answer(http.StatusPreconditionFailed, "It was changed since the caller has seen it").Headers = map[string]*huma.Param{
		"ETag": {Description: "What it is now", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	answer(http.StatusUnprocessableEntity, "The request is wrong, or its Idempotency-Key was used for another")
	answer(http.StatusPreconditionRequired, "If-Match is missing; the body was not read")
	answer(http.StatusInternalServerError, "It cannot be written into the audit log: nothing was changed")
	answer(http.StatusServiceUnavailable, "Neither the store nor this gateway's disk takes it: nothing was changed")
}
