package odoo

import "strings"

// CleanCookies returns the cookies as one header value in which every version of Werkzeug
// reads the same session_id: at most one, well formed, unquoted. What is malformed or a
// second session_id is dropped, and so is any cookie whose quotes would let one version
// read a session_id inside another cookie's value. Several lines (HTTP/2 clients split
// them) become one. It does not allocate when there is nothing to change.
func CleanCookies(values []string) (clean string, changed bool) {
	if len(values) == 0 {
		return "", false
	}
	if len(values) == 1 && cookiesClean(values[0]) {
		return values[0], false
	}
	var out strings.Builder
	seen := false
	for _, line := range values {
		for line != "" {
			var crumb string
			crumb, line = cutByte(line, ';')
			keep := keepCrumb(crumb, &seen)
			if keep == "" {
				continue
			}
			if out.Len() > 0 {
				out.WriteString("; ")
			}
			out.WriteString(keep)
		}
	}
	return out.String(), true
}

// cookiesClean is the check without the copy.
func cookiesClean(line string) bool {
	seen := false
	rest := line
	for first := true; rest != "" || first; first = false {
		if !first {
			if rest[0] != ' ' {
				return false
			}
			rest = rest[1:]
		}
		i := strings.IndexByte(rest, ';')
		crumb := rest
		if i >= 0 {
			crumb = rest[:i]
		}
		if keep := keepCrumb(crumb, &seen); keep == "" || len(keep) != len(crumb) {
			return false
		}
		if i < 0 {
			return true
		}
		rest = rest[i+1:]
	}
	return false // a semicolon at the end
}

// keepCrumb returns what stays of one cookie, "" when nothing does. A session_id that needs
// no change comes back as it is, without allocation.
func keepCrumb(crumb string, seen *bool) string {
	crumb = trimBlank(crumb)
	name, value, found := splitCrumb(crumb)
	if !cookieNameOK(name) || !quotesOK(value) {
		return ""
	}
	if name != sessionCookie {
		return crumb
	}
	id := unquote(value)
	if !found || *seen || !sessionWell(id) {
		return ""
	}
	*seen = true
	if len(crumb) == len(sessionCookie)+1+len(id) {
		return crumb
	}
	return sessionCookie + "=" + id
}

// cookieNameOK refuses names that old Werkzeug would unquote ("session_id"=x reads as
// session_id) or that no browser sends.
func cookieNameOK(name string) bool {
	if name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c == 0x7f || c == '"' || c == '\\' || c == ',' {
			return false
		}
	}
	return true
}

// quotesOK accepts a value without quotes at its start, or one that is quoted whole. Old
// Werkzeug lets a quoted value run over semicolons, new Werkzeug does not.
func quotesOK(value string) bool {
	for i := 0; i < len(value); i++ {
		if c := value[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	if value == "" || value[0] != '"' {
		return true
	}
	if len(value) < 2 || value[len(value)-1] != '"' {
		return false
	}
	// A backslash before the last quote would escape it.
	inner := value[1 : len(value)-1]
	escaped := false
	for i := 0; i < len(inner); i++ {
		if inner[i] == '"' && !escaped {
			return false
		}
		escaped = inner[i] == '\\' && !escaped
	}
	return !escaped
}

// SecureCookie returns a Set-Cookie value with Secure added, and with SameSite=Lax added
// to session_id, where they are missing. Odoo sets neither, not even behind https; whoever
// calls does so only on https.
func SecureCookie(setCookie string) string {
	crumb, rest := cutByte(setCookie, ';')
	name, _, _ := splitCrumb(crumb)
	secure, sameSite := false, false
	for rest != "" {
		var attribute string
		attribute, rest = cutByte(rest, ';')
		key, _, _ := splitCrumb(attribute)
		secure = secure || strings.EqualFold(key, "secure")
		sameSite = sameSite || strings.EqualFold(key, "samesite")
	}
	if !secure {
		setCookie += "; Secure"
	}
	if name == sessionCookie && !sameSite {
		setCookie += "; SameSite=Lax"
	}
	return setCookie
}
