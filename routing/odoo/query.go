package odoo

import "strings"

// CleanQuery drops what selects a database or a session: every parameter that Werkzeug
// would read as db or session_id. A tenant's host decides the database, and 17 and before
// let ?session_id= beat the cookie. It does not allocate when there is nothing to drop.
func CleanQuery(rawQuery string) (clean string, changed bool) {
	if !queryDirty(rawQuery) {
		return rawQuery, false
	}
	var out strings.Builder
	first := true
	for rest, more := rawQuery, true; more; {
		var pair string
		pair, rest, more = cutPair(rest)
		if pairDirty(pair) {
			continue
		}
		if !first {
			out.WriteByte('&')
		}
		first = false
		out.WriteString(pair)
	}
	return out.String(), true
}

func queryDirty(query string) bool {
	for rest, more := query, true; more; {
		var pair string
		pair, rest, more = cutPair(rest)
		if pairDirty(pair) {
			return true
		}
	}
	return false
}

func cutPair(query string) (pair, rest string, more bool) {
	if i := strings.IndexByte(query, '&'); i >= 0 {
		return query[:i], query[i+1:], true
	}
	return query, "", false
}

// pairDirty looks at each piece between semicolons too: Python before 3.9.2 separates
// parameters there.
func pairDirty(pair string) bool {
	for rest := pair; rest != ""; {
		var piece string
		piece, rest = cutByte(rest, ';')
		key, _ := cutByte(piece, '=')
		if decodesTo(key, "db") || decodesTo(key, sessionCookie) {
			return true
		}
	}
	return false
}

// decodesTo tells whether a percent-encoded key reads as want, without decoding into
// memory. Broken encoding stands for itself, as in Python.
func decodesTo(key, want string) bool {
	n := 0
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c == '%' && i+2 < len(key) && isHex(key[i+1]) && isHex(key[i+2]) {
			c = unhex(key[i+1], key[i+2])
			i += 2
		} else if c == '+' {
			c = ' '
		}
		if n >= len(want) || want[n] != c {
			return false
		}
		n++
	}
	return n == len(want)
}
