package odoo

import "strings"

const (
	hexSession    = 40 // 17 and before: 40 lower hex digits
	longSession   = 84 // 18 on: 84 of A-Z a-z 0-9 _ -
	stableSession = 42 // 19 changes the rest while the session lives
)

// sessionCookie is the one cookie that says which session a request belongs to. The name is
// case-sensitive to Odoo.
const sessionCookie = "session_id"

// SessionKey returns the part of Odoo's session id that stays while the session lives, and
// whether the id is well formed. Odoo reads the first session_id of all Cookie lines, so
// the first decides here too; there is no key when it is malformed.
func SessionKey(cookieHeaderValues []string) (key string, well bool) {
	for _, line := range cookieHeaderValues {
		for line != "" {
			var crumb string
			crumb, line = cutByte(line, ';')
			name, value, _ := splitCrumb(crumb)
			if name == sessionCookie {
				return KeyOf(value)
			}
		}
	}
	return "", false
}

// KeyOf returns the stable part of a session id, as SessionKey does. The value may be
// quoted.
func KeyOf(value string) (key string, well bool) {
	id := unquote(value)
	if !sessionWell(id) {
		return "", false
	}
	if len(id) == longSession {
		return id[:stableSession], true
	}
	return id, true
}

// MakesSession tells whether this Odoo can have made the session that key is the stable part
// of. Another one's id is nobody's here, and the next answer replaces it.
func (p Profile) MakesSession(key string) bool {
	if p.SessionLength == longSession {
		return len(key) == stableSession
	}
	return len(key) == hexSession
}

// NeedsUser tells whether Odoo serves a path to people who are signed in and to nobody else: a
// good answer proves the session. Made-up session ids get good answers from public pages.
func NeedsUser(path string) bool {
	path = trimSlash(path)
	_, rest := CutLang(path)
	return needsUser(path) || needsUser(rest)
}

func needsUser(path string) bool {
	switch path {
	case "/web", "/my", "/my/home", "/web/session/get_session_info":
		return true
	}
	return within(path, "/odoo") || within(path, "/web/dataset")
}

// HookToken is the secret in the path of one of Odoo's own webhooks (17 on), "" for another
// path.
func HookToken(path string) string {
	const hook = "/web/hook/"
	path = trimSlash(path)
	if !strings.HasPrefix(path, hook) || len(path) > len(hook)+128 || strings.IndexByte(path[len(hook):], '/') >= 0 {
		return ""
	}
	return path[len(hook):]
}

// SessionSet returns the value that a Set-Cookie line gives session_id. An answer that
// deletes the cookie sets it to "".
func SessionSet(setCookie string) (value string, ok bool) {
	crumb, _ := cutByte(setCookie, ';')
	name, value, _ := splitCrumb(crumb)
	if name != sessionCookie {
		return "", false
	}
	return unquote(value), true
}

// sessionWell tells whether Odoo could have made id. 17 and before adopt any value as a
// session id, so what is not well formed must not reach them.
func sessionWell(id string) bool {
	switch len(id) {
	case hexSession:
		return allBytes(id, isLowerHex)
	case longSession:
		return allBytes(id, isSessionByte)
	}
	return false
}

func isLowerHex(c byte) bool { return isDigit(c) || (c >= 'a' && c <= 'f') }

func isSessionByte(c byte) bool { return isAlnum(c) || c == '_' || c == '-' }

// splitCrumb splits "name=value" and trims both; found is false without an equals sign.
func splitCrumb(crumb string) (name, value string, found bool) {
	i := strings.IndexByte(crumb, '=')
	if i < 0 {
		return trimBlank(crumb), "", false
	}
	return trimBlank(crumb[:i]), trimBlank(crumb[i+1:]), true
}

func unquote(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

func trimBlank(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func cutByte(s string, c byte) (before, after string) {
	if i := strings.IndexByte(s, c); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
