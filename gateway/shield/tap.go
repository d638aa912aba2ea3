package shield

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

const (
	heldMost  = 256 << 10 // of an error page that is held back
	entryMost = 8 << 20   // of one bundle
)

// tap is a response writer that may hold back an answer that says "not here", and copies one
// that may be kept.
type tap struct {
	http.ResponseWriter
	before http.Header // as it was when the request came

	hold bool // hold back what is not here
	keep bool // copy what may be kept

	status int
	passed bool   // it went to the client
	wanted int64  // bytes of a body that is copied, -1 unknown
	copied []byte // of the body; or the held page
	saved  http.Header
	failed bool // the client did not take it
	asked  bool // by another release: pass only what is here
}

func newTap(w http.ResponseWriter, r *http.Request) *tap {
	return &tap{ResponseWriter: w, before: maps.Clone(w.Header()), wanted: -1}
}

// again is a tap for asking another release: it passes an answer on if the file is there, and
// drops any other.
func (t *tap) again() *tap {
	t.reset(t.before)
	return &tap{ResponseWriter: t.ResponseWriter, before: t.before, keep: t.keep, asked: true, wanted: -1}
}

// took makes what another release answered the tap's own.
func (t *tap) took(other *tap) {
	t.keep, t.status, t.passed, t.copied, t.saved, t.wanted, t.failed = other.keep, other.status, true, other.copied, other.saved, other.wanted, other.failed
}

func (t *tap) reset(h http.Header) {
	to := t.ResponseWriter.Header()
	clear(to)
	maps.Copy(to, h)
}

// missing says that an answer means "not here": gone, or a bundle of another hash instead.
func missing(status int, h http.Header) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return true
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return strings.Contains(h.Get("Location"), "/web/assets/")
	}
	return false
}

func here(status int) bool {
	return status == http.StatusOK || status == http.StatusPartialContent || status == http.StatusNotModified
}

// WriteHeader implements http.ResponseWriter.
func (t *tap) WriteHeader(status int) {
	if t.status != 0 {
		t.ResponseWriter.WriteHeader(status)
		return
	}
	t.status = status
	h := t.Header()
	switch {
	case t.asked && !here(status):
		t.keep = false
		return
	case t.hold && missing(status, h):
		t.saved = maps.Clone(h)
		return
	case t.asked:
		delete(h, "Set-Cookie") // of a visitor that does not exist
		h["Cache-Status"] = []string{"sluice; fwd=miss; detail=other-release"}
	}
	t.hold = false
	t.startCopy(h)
	t.passed = true
	t.ResponseWriter.WriteHeader(status)
}

// startCopy begins a copy of what may be kept for everybody.
func (t *tap) startCopy(h http.Header) {
	if t.keep = t.keep && t.status == http.StatusOK && forEverybody(h); !t.keep {
		return
	}
	t.saved = storable(h)
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		t.wanted = n
		if t.keep = n <= entryMost; t.keep {
			t.copied = make([]byte, 0, n)
		}
	}
}

// Write implements http.ResponseWriter.
func (t *tap) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	switch {
	case t.held() && len(t.copied)+len(p) > heldMost:
		t.letGo()
	case t.held():
		t.copied = append(t.copied, p...)
		return len(p), nil
	case !t.passed:
		return len(p), nil // another release's "not here"
	}
	if t.keep {
		if t.keep = len(t.copied)+len(p) <= entryMost; t.keep {
			t.copied = append(t.copied, p...)
		}
	}
	n, err := t.ResponseWriter.Write(p)
	t.failed = t.failed || err != nil
	return n, err
}

// Flush implements http.Flusher.
func (t *tap) Flush() {
	if f, ok := t.ResponseWriter.(http.Flusher); ok && t.passed {
		f.Flush()
	}
}

// held says that the answer was held back.
func (t *tap) held() bool { return t.hold && t.status != 0 && !t.passed }

// letGo sends what was held back.
func (t *tap) letGo() {
	t.reset(t.saved)
	t.hold, t.keep, t.passed = false, false, true
	t.ResponseWriter.WriteHeader(t.status)
	if len(t.copied) > 0 {
		_, _ = t.ResponseWriter.Write(t.copied) // the client has left; nobody else to tell
	}
	t.copied = nil
}

// whole says that all of the body was copied. An answer that broke off unwinds as a panic and
// never comes here; one that the client gave up may.
func (t *tap) whole() bool {
	return t.passed && !t.failed && t.saved != nil && (t.wanted < 0 || t.wanted == int64(len(t.copied)))
}

// entry is what was copied, in no more memory than it needs.
func (t *tap) entry() *entry {
	body := t.copied
	if cap(body) > len(body)+len(body)/8 {
		body = bytes.Clone(body)
	}
	return newEntry(t.saved, body)
}
