package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// kind is what control must know of the values of a shelf. All of it is pure.
type kind[T any] struct {
	name  string // as the store calls it
	of    func(T) string
	merge func(a, b T) T
	// follows says whether b may be what became of a, rather than something that grew apart.
	follows func(a, b T) bool
	// stamp says in next, which became of base, who wrote it and when.
	stamp func(base, next T, by string, now time.Time) T
	// same says whether b decides nothing that a does not.
	same func(a, b T) bool
}

// shelf keeps the records of one kind.
type shelf[T any] struct {
	kind[T]

	mu      sync.Mutex
	entries map[string]*entry[T]
}

// entry is one record as it is known here. The shelf's lock covers all but turn.
type entry[T any] struct {
	turn chan struct{} // whoever writes the record holds it

	known   bool // there is one
	value   T
	text    []byte // of value
	version uint64 // at which the store was last seen
	shared  bool   // the store holds this value, as far as is known
	stale   bool   // the disk does not
	news    time.Time
}

func newShelf[T any](k kind[T]) *shelf[T] {
	return &shelf[T]{kind: k, entries: map[string]*entry[T]{}}
}

// entry returns the one of a name. The caller holds the lock.
func (s *shelf[T]) entry(name string) *entry[T] {
	e := s.entries[name]
	if e == nil {
		e = &entry[T]{turn: make(chan struct{}, 1)}
		s.entries[name] = e
	}
	return e
}

// get returns a record, and whether the store holds it too.
func (s *shelf[T]) get(name string) (value T, known, shared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[name]; e != nil && e.known {
		return e.value, true, e.shared
	}
	return value, false, true
}

// names are those of all records that pass.
func (s *shelf[T]) names(pass func(e *entry[T]) bool) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, e := range s.entries {
		if e.known && pass(e) {
			names = append(names, name)
		}
	}
	return names
}

// set keeps a value. The caller holds the lock.
func (e *entry[T]) set(value T, text []byte, now time.Time) {
	if !e.known || !bytes.Equal(e.text, text) {
		e.news = now
		e.stale = true
	}
	e.known, e.value, e.text = true, value, text
}

func encode(kind, name string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("record of %s %s: %w", kind, name, err)
	}
	return text, nil
}
