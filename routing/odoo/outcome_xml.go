package odoo

import (
	"bytes"
	"strings"
)

// xmlOutcome reads an XML-RPC answer. A fault is the first element of the response;
// anything that looks like one further down is somebody's text.
func xmlOutcome(head []byte) (Outcome, bool) {
	rest, ok := afterTag(head, "<methodResponse>")
	if !ok {
		return "", false
	}
	rest = bytes.TrimLeft(rest, " \t\r\n")
	if !bytes.HasPrefix(rest, []byte("<fault>")) {
		return OK, true
	}
	code, ok := afterTag(rest, "<name>faultCode</name>")
	if !ok {
		return Fault, true
	}
	code = bytes.TrimLeft(code, " \t\r\n")
	switch {
	case bytes.HasPrefix(code, []byte("<value><int>")):
		return faultNumber(code[len("<value><int>"):]), true
	case bytes.HasPrefix(code, []byte("<value><string>")):
		return faultText(string(code[len("<value><string>"):])), true
	}
	return Fault, true
}

// faultNumber knows version 2's codes: 1 application error, 2 warning, 3 access denied,
// 4 access error.
func faultNumber(number []byte) Outcome {
	switch {
	case bytes.HasPrefix(number, []byte("2<")):
		return Invalid
	case bytes.HasPrefix(number, []byte("3<")):
		return BadCredentials
	case bytes.HasPrefix(number, []byte("4<")):
		return Denied
	}
	return Fault
}

// faultText knows version 1's codes: "warning -- UserError ...", "AccessDenied".
func faultText(text string) Outcome {
	switch {
	case strings.HasPrefix(text, "AccessDenied"):
		return BadCredentials
	case strings.HasPrefix(text, "warning -- AccessError"):
		return Denied
	case strings.HasPrefix(text, "warning -- MissingError"):
		return NotFound
	case strings.HasPrefix(text, "warning -- "):
		return Invalid
	}
	return Fault
}

func afterTag(b []byte, tag string) ([]byte, bool) {
	i := bytes.Index(b, []byte(tag))
	if i < 0 {
		return nil, false
	}
	return b[i+len(tag):], true
}
