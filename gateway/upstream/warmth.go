package upstream

import (
	"sync"
	"sync/atomic"

	"sluicegate.dev/sluice/routing"
)

// warmth is what a new backend still has to load. Nothing is cold about one that is not new.
type warmth struct {
	count atomic.Int32 // of waits; requests look here first
	done  atomic.Bool  // it had something to load, and has

	mu      sync.Mutex
	waits   map[string]visit // by database
	order   []string
	running bool
}

// cold says whether the backend has yet to load the database of x.
func (w *warmth) cold(x *routing.Exchange) bool {
	if w.count.Load() == 0 || x.Release == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, waits := w.waits[x.Release.Database]
	return waits
}

// expect begins anew with databases that must be loaded.
func (w *warmth) expect(busy []visit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits, w.order = make(map[string]visit, len(busy)), nil
	for _, v := range busy {
		w.waits[v.release.Database] = v
		w.order = append(w.order, v.release.Database)
	}
	w.count.Store(int32(len(busy)))
	w.done.Store(false)
}

// start says whether somebody should begin to warm up; only one may at a time.
func (w *warmth) start() bool {
	if w.count.Load() == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.running
	w.running = true
	return !was
}

func (w *warmth) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
}

// next is the database whose turn it is.
func (w *warmth) next() (visit, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return visit{}, false
	}
	return w.waits[w.order[0]], true
}

// loaded takes a database off the list: it is loaded, or was given its chance.
func (w *warmth) loaded(database string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 || w.order[0] != database {
		return // the list is a new one
	}
	delete(w.waits, database)
	w.order = w.order[1:]
	w.count.Store(int32(len(w.order)))
	w.done.Store(len(w.order) == 0)
}
