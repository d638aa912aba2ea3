package odoo

import (
	"errors"
	"strings"
)

// ErrTarget is a request target that is neither a path nor a plain http(s) address.
var ErrTarget = errors.New("request target: neither a path nor a plain address")

// Target is a request target taken apart, nothing decoded.
type Target struct {
	Host  string // of an absolute-form target, as written; "" for a path
	Path  string // starts with a slash
	Query string // without the question mark
}

// SplitTarget takes the request target as the client wrote it (net/http keeps it in
// RequestURI; URL.Path has lost what matters). It refuses user information, a fragment, a
// scheme other than http and https, and a target without a slash. Whoever calls must
// refuse a Host that differs from the header's.
func SplitTarget(target string) (Target, error) {
	if strings.IndexByte(target, '#') >= 0 {
		return Target{}, ErrTarget
	}
	var t Target
	t.Path = target
	if i := strings.IndexByte(target, '?'); i >= 0 {
		t.Path, t.Query = target[:i], target[i+1:]
	}
	if strings.HasPrefix(t.Path, "/") {
		return t, nil
	}
	rest, ok := cutScheme(t.Path)
	if !ok {
		return Target{}, ErrTarget
	}
	t.Host, t.Path = rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		t.Host, t.Path = rest[:i], rest[i:]
	}
	if t.Host == "" || strings.IndexByte(t.Host, '@') >= 0 {
		return Target{}, ErrTarget
	}
	return t, nil
}

func cutScheme(s string) (string, bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return s[len(scheme):], true
		}
	}
	return "", false
}
