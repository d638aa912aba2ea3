package odoo

import (
	"bytes"
	"strings"
)

// SignInOutcome says what the answer to a sign-in means that ReadOutcome takes for OK: Odoo
// shows the form again, or returns false instead of a user, without a word of an error.
func SignInOutcome(call Call, status int, contentType string, head []byte) Outcome {
	switch {
	case status != 200:
	case call.Service == "form":
		if call.Login != "" {
			return BadCredentials
		}
	case call.Service == "common" && saysFalse(contentType, head):
		return BadCredentials
	}
	return OK
}

func saysFalse(contentType string, head []byte) bool {
	kind, _ := cutByte(contentType, ';')
	if strings.HasSuffix(strings.ToLower(trimBlank(kind)), "/xml") {
		return xmlFalse(head)
	}
	for c := (jsonCursor{b: head}); c.member(1); c.skip() {
		if c.key == "result" {
			return bytes.HasPrefix(c.b, []byte("false"))
		}
	}
	return false
}

func xmlFalse(head []byte) bool {
	rest, ok := afterTag(head, "<param>")
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return ok && bytes.HasPrefix(rest, []byte("<value><boolean>0</boolean>"))
}
