package odoo

import (
	"errors"
	"strings"
)

// What can be wrong with a path. All are a client's fault: 400.
var (
	ErrPath         = errors.New("path: does not start with a slash")
	ErrPathByte     = errors.New("path: holds a character that has no place in a path")
	ErrPathEncoding = errors.New("path: broken percent-encoding")
	ErrPathDots     = errors.New("path: holds a dot segment")
)

// DecodePath decodes a path as Werkzeug does: percent-encoding once, then runs of slashes
// become one. Every rule is decided on what it returns. It does not allocate when escaped
// is decoded already.
//
// Refused, because Odoo and a proxy read them differently or only an attack holds them:
// control characters in any form, '#', '?', backslash in any form, broken encoding, and
// "." and ".." as segments (Werkzeug keeps them, other servers resolve them).
func DecodePath(escaped string) (string, error) {
	if escaped == "" || escaped[0] != '/' {
		return "", ErrPath
	}
	plain := true
	segment := 1 // where the current segment starts
	for i := 1; i < len(escaped); i++ {
		switch c := escaped[i]; {
		case c == '/':
			if dotSegment(escaped[segment:i]) {
				return "", ErrPathDots
			}
			plain = plain && escaped[i-1] != '/'
			segment = i + 1
		case c == '%':
			if err := checkEncoded(escaped, i); err != nil {
				return "", err
			}
			plain = false
			i += 2
		case c == '#' || c == '?' || c == ' ' || !pathByteOK(c):
			return "", ErrPathByte
		}
	}
	if dotSegment(escaped[segment:]) {
		return "", ErrPathDots
	}
	if plain {
		return escaped, nil
	}
	return decodeCollapse(escaped), nil
}

// checkEncoded looks at the percent sign at i.
func checkEncoded(escaped string, i int) error {
	if i+2 >= len(escaped) || !isHex(escaped[i+1]) || !isHex(escaped[i+2]) {
		return ErrPathEncoding
	}
	if !pathByteOK(unhex(escaped[i+1], escaped[i+2])) {
		return ErrPathByte
	}
	return nil
}

func pathByteOK(c byte) bool { return c >= ' ' && c != 0x7f && c != '\\' }

// decodeCollapse needs valid percent-encoding.
func decodeCollapse(escaped string) string {
	out := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '%' {
			c = unhex(escaped[i+1], escaped[i+2])
			i += 2
		}
		if c == '/' && len(out) > 0 && out[len(out)-1] == '/' {
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// dotSegment tells whether a segment is "." or "..", with each dot plain or encoded.
func dotSegment(segment string) bool {
	dots := 0
	for segment != "" && dots < 3 {
		switch {
		case segment[0] == '.':
			segment = segment[1:]
		case len(segment) >= 3 && segment[0] == '%' && segment[1] == '2' && segment[2]|0x20 == 'e':
			segment = segment[3:]
		default:
			return false
		}
		dots++
	}
	return dots == 1 || dots == 2
}

func unhex(a, b byte) byte { return hexValue(a)<<4 | hexValue(b) }

func hexValue(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// EncodedOK tells whether the encoded characters of a path have a place in it. Names in
// /web/content, /web/image and a few others may hold an encoded slash, percent, question
// mark, hash or semicolon (50%25%20off%3F.pdf); anywhere else they hide a path from rules
// that read it undecoded, so they are refused. The database manager's paths take no
// encoding at all.
func EncodedOK(escaped string, c Class) bool {
	if strings.IndexByte(escaped, '%') < 0 {
		return true
	}
	if c == Manager || c == Realtime {
		return false
	}
	free := c != RPC && freeName(escaped)
	for i := 0; i+2 < len(escaped); i++ {
		if escaped[i] != '%' {
			continue
		}
		switch unhex(escaped[i+1], escaped[i+2]) {
		case 0, '\\':
			return false
		case '/', '%', '?', '#', ';':
			if !free {
				return false
			}
		}
		i += 2
	}
	return true
}

// freeName tells whether a path ends in a name that Odoo takes as free text. The part that
// says so must stand there unencoded.
func freeName(escaped string) bool {
	if freePrefix(escaped) {
		return true
	}
	segment, rest := cutSegment(escaped)
	return isLang(segment) && freePrefix(rest)
}

func freePrefix(path string) bool {
	for _, prefix := range [...]string{
		"/web/content/", "/web/image/", "/report/barcode/", "/website/image/",
		"/web_editor/font_to_img/", "/html_editor/font_to_img/",
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
