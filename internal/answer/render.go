package answer

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"sluicegate.dev/sluice/internal/spool"
)

const textType = "text/plain; charset=utf-8"

func render(s shape, r *http.Request, refusal Refusal, id string) (contentType string, body []byte) {
	switch s {
	case page:
		return "text/html; charset=utf-8", renderPage(refusal, id)
	case jsonRPC:
		return "application/json", renderJSONRPC(r, refusal)
	case jsonTwo:
		return renderJSONTwo(r, refusal, id)
	case xmlRPC:
		return "text/xml; charset=utf-8", renderFault(fmt.Sprintf("<int>%d</int>", refusal.Status), sentence(refusal))
	case xmlRPCOld:
		code := "<string>warning -- " + escape(refusal.Title) + "\n\n" + escape(refusal.Detail) + "</string>"
		return "text/xml; charset=utf-8", renderFault(code, sentence(refusal))
	case plain:
		if refusal.Type != "" {
			return problemType, marshal(newProblem(refusal, id))
		}
	case webClient:
		if refusal.Type != "" {
			// Trying again at once, as below, is what a limit or maintenance must not lead
			// to: the web client shows the words of an error.
			return "application/json", renderJSONRPC(r, refusal)
		}
	}
	// The web client too: any status but 502 with a JSON body counts as a result there,
	// and becomes silent wrong data. A body that is not JSON makes it say "connection
	// lost" and try again, which is true (facts: rpc.js, all of 17 to 19).
	return textType, renderText(refusal, id)
}

func renderText(refusal Refusal, id string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s (%s)\n", sentence(refusal), refusal.Code)
	if id != "" {
		fmt.Fprintf(&b, "Request id: %s\n", id)
	}
	return b.Bytes()
}

// fault is how Odoo writes an exception in JSON.
type fault struct {
	Name       string         `json:"name"`
	Message    string         `json:"message"`
	Arguments  []string       `json:"arguments"`
	Context    map[string]any `json:"context"`
	Debug      string         `json:"debug"`
	Code       string         `json:"code"`
	RetryAfter int            `json:"retry_after,omitempty"`
	Violated   []string       `json:"violated-policies,omitempty"`
}

func newFault(refusal Refusal) fault {
	return fault{
		Name:    exceptionName(refusal.Status),
		Message: sentence(refusal), Arguments: []string{sentence(refusal)}, Context: map[string]any{},
		Code: refusal.Code, RetryAfter: retrySeconds(refusal.RetryAfter), Violated: refusal.Violated,
	}
}

// exceptionName is the class that Odoo itself would have raised, which clients know.
func exceptionName(status int) string {
	const werkzeug = "werkzeug.exceptions."
	switch status {
	case http.StatusBadRequest:
		return werkzeug + "BadRequest"
	case http.StatusUnauthorized:
		return werkzeug + "Unauthorized"
	case http.StatusForbidden:
		return werkzeug + "Forbidden"
	case http.StatusNotFound:
		return werkzeug + "NotFound"
	case http.StatusRequestTimeout:
		return werkzeug + "RequestTimeout"
	case http.StatusRequestEntityTooLarge:
		return werkzeug + "RequestEntityTooLarge"
	case http.StatusTooManyRequests:
		return werkzeug + "TooManyRequests"
	case http.StatusBadGateway:
		return werkzeug + "BadGateway"
	case http.StatusServiceUnavailable:
		return werkzeug + "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		return werkzeug + "GatewayTimeout"
	default:
		return werkzeug + "HTTPException"
	}
}

func renderJSONRPC(r *http.Request, refusal Refusal) []byte {
	type failure struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    fault  `json:"data"`
	}
	return marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   failure         `json:"error"`
	}{"2.0", callID(r), failure{refusal.Status, refusal.Title, newFault(refusal)}})
}

// callID is the id of the JSON-RPC call when its body is in hand and short; some clients
// match answers by it. Anything but a number or a short string is null.
func callID(r *http.Request) json.RawMessage {
	null := json.RawMessage("null")
	body, ok := r.Body.(*spool.Body)
	if !ok || body.Len() > 64<<10 {
		return null
	}
	body.Rewind()
	content, err := io.ReadAll(body)
	var call struct {
		ID any `json:"id"`
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err != nil || decoder.Decode(&call) != nil {
		return null
	}
	switch id := call.ID.(type) {
	case json.Number:
		return marshal(id)
	case string:
		if len(id) <= 128 {
			return marshal(id)
		}
	}
	return null
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null") // only values of our own types come here
	}
	return b
}

func renderFault(code, message string) []byte {
	return []byte(`<?xml version="1.0"?>` + "\n" +
		"<methodResponse><fault><value><struct>" +
		"<member><name>faultCode</name><value>" + code + "</value></member>" +
		"<member><name>faultString</name><value><string>" + escape(message) + "</string></value></member>" +
		"</struct></value></fault></methodResponse>\n")
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

// retryText is the pause in words.
func retryText(d time.Duration) string {
	switch s := retrySeconds(d); {
	case s <= 0:
		return ""
	case s == 1:
		return "in a second"
	case s < 120:
		return "in " + strconv.Itoa(s) + " seconds"
	default:
		return "in " + strconv.Itoa((s+59)/60) + " minutes"
	}
}
