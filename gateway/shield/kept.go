package shield

import (
	"bytes"
	"container/list"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// key names a bundle: what a hash says is said within one tenant.
type key struct{ tenant, path string }

// kept are bundles in memory, those that were asked for last.
type kept struct {
	most int64

	mu    sync.Mutex
	size  int64
	byKey map[key]*list.Element
	order *list.List // of slots, the newest first
}

type slot struct {
	key   key
	entry *entry
}

func newKept(most int64) *kept {
	return &kept{most: most, byKey: map[key]*list.Element{}, order: list.New()}
}

func (k *kept) find(name key) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.byKey[name]
	if !ok {
		return nil
	}
	k.order.MoveToFront(e)
	return e.Value.(slot).entry
}

func (k *kept) put(name key, e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.byKey[name]; ok || e.size() > k.most {
		return
	}
	k.byKey[name] = k.order.PushFront(slot{name, e})
	k.size += e.size()
	for k.size > k.most {
		last := k.order.Back()
		old := k.order.Remove(last).(slot)
		delete(k.byKey, old.key)
		k.size -= old.entry.size()
	}
}

func (k *kept) load() (entries int, size int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.byKey), k.size
}

// Retain forgets the bundles of tenants that are not served any more.
func (s *Shield) Retain(served func(tenant string) bool) {
	k := s.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, e := range k.byKey {
		if !served(name.tenant) {
			k.size -= k.order.Remove(e).(slot).entry.size()
			delete(k.byKey, name)
		}
	}
}

// entry is a bundle. It is never changed.
type entry struct {
	header   http.Header
	body     []byte
	modified time.Time
	at       time.Time
}

func newEntry(h http.Header, body []byte) *entry {
	e := &entry{header: h, body: body, at: time.Now()}
	e.modified, _ = http.ParseTime(h.Get("Last-Modified")) // none: the zero time
	return e
}

// overhead is about what an entry takes beside its body.
const overhead = 2 << 10

func (e *entry) size() int64 { return int64(len(e.body)) + overhead }

// forEverybody says whether an answer may be kept and shown to others.
func forEverybody(h http.Header) bool {
	if h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" {
		return false
	}
	for _, line := range h["Vary"] {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one != "" && !strings.EqualFold(one, "Accept-Encoding") {
				return false
			}
		}
	}
	for _, line := range h["Cache-Control"] {
		for one := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(one), "=")
			switch strings.ToLower(name) {
			case "private", "no-store", "no-cache":
				return false
			}
		}
	}
	return true
}

// storable are the fields of an answer that belong to the file. All others are the request's,
// the session's or the connection's.
func storable(h http.Header) http.Header {
	out := http.Header{}
	for _, name := range [...]string{
		"Content-Type", "Content-Disposition", "Content-Language", "Cache-Control", "Etag", "Last-Modified", "Vary",
		"X-Content-Type-Options", "Content-Security-Policy", "Cross-Origin-Resource-Policy", "Sourcemap", "X-Sourcemap",
	} {
		if values := h[name]; len(values) > 0 {
			out[name] = append([]string(nil), values...)
		}
	}
	if h.Get("Access-Control-Allow-Origin") == "*" {
		out.Set("Access-Control-Allow-Origin", "*")
	}
	return out
}

// serve answers from memory: whole, in part, or not modified.
func (e *entry) serve(w http.ResponseWriter, r *http.Request, x *routing.Exchange) {
	h := w.Header()
	for name, values := range e.header {
		h[name] = append([]string(nil), values...)
	}
	h["Age"] = []string{strconv.Itoa(int(time.Since(e.at).Seconds()))}
	h["Cache-Status"] = []string{"sluice; hit"}
	out := &paced{ResponseWriter: w, setter: deadline.FromContext(r.Context()), x: x}
	http.ServeContent(out, r, "", e.modified, bytes.NewReader(e.body))
	out.end(r.ProtoMajor == 1)
}

// stall is how long a client may take no byte.
const stall = time.Minute

// paced writes for as long as the client takes it.
type paced struct {
	http.ResponseWriter
	setter deadline.Setter
	x      *routing.Exchange
	armed  time.Time
}

// WriteHeader implements http.ResponseWriter.
func (w *paced) WriteHeader(status int) {
	w.x.Status, w.x.Outcome = status, odoo.OK
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *paced) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(w.armed) > stall/8 {
		w.armed = now
		_ = w.setter.SetWriteDeadline(now.Add(stall)) // unsupported: the server's own rule holds
	}
	n, err := w.ResponseWriter.Write(p)
	if err != nil {
		w.x.Outcome, w.x.Cause = odoo.ClientGone, err
	}
	return n, err
}

// end sends the rest within the deadline and lifts it: on HTTP/1 it belongs to the connection
// and would hit the next answer on it.
func (w *paced) end(http1 bool) {
	if w.armed.IsZero() || !http1 {
		return
	}
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	_ = w.setter.SetWriteDeadline(time.Time{}) // unsupported: then none was set either
}
