package config

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// savedFormat is the version of the lines below. A gateway reads no other.
const savedFormat = 1

// saved is one line of a saved snapshot: a head, then documents, then what is served from
// which of them, then a sum over all lines before. What is served cannot be told from the
// documents alone: a kept tenant may be built on a plan that has changed since.
type saved struct {
	Format   int       `json:"format,omitempty"`
	Revision string    `json:"revision,omitempty"`
	Applied  time.Time `json:"applied,omitzero"`

	Document *savedDocument `json:"document,omitempty"`
	Pool     *savedPool     `json:"pool,omitempty"`
	Tenant   *savedTenant   `json:"tenant,omitempty"`
	Plan     int            `json:"plan,omitempty"`   // number of a document, from 1
	Policy   int            `json:"policy,omitempty"` // number of a document

	Sum string `json:"sum,omitempty"`
}

type savedDocument struct {
	File  string            `json:"file"`
	Line  int               `json:"line"`
	Text  string            `json:"text"`
	Files map[string][]byte `json:"files,omitempty"` // certificates, keys
}

type savedPool struct {
	Name    string `json:"name"`
	Source  int    `json:"source"`
	Version string `json:"version,omitempty"` // as its servers said
	Extra   bool   `json:"extra,omitempty"`
}

type savedTenant struct {
	Name   string   `json:"name"`
	Source int      `json:"source"`
	Plan   int      `json:"plan,omitempty"`
	Pools  []string `json:"pools"`

	Policies []int  `json:"policies,omitempty"` // numbers of the documents that it is built on
	Active   string `json:"active,omitempty"`   // where its calendar keeps it
	Calendar int    `json:"calendar,omitempty"`
}

// ErrSaved is returned for a saved snapshot that is not whole, or not of this version.
var ErrSaved = errors.New("saved snapshot is not usable")

// Save writes what is served, and what it was built from, for Restore. Private keys are in
// it: it must not be readable for others.
func (s *Snapshot) Save(w io.Writer) error {
	sum := sha256.New()
	buffered := bufio.NewWriterSize(w, 1<<16)
	writer := saver{out: json.NewEncoder(io.MultiWriter(buffered, sum)), numbers: map[*Resource]int{}}
	writer.line(saved{Format: savedFormat, Revision: s.Revision, Applied: s.AppliedAt})
	for _, name := range sortedKeys(s.policies) {
		writer.line(saved{Policy: writer.document(s.policies[name].source)})
	}
	for _, name := range sortedKeys(s.declared[KindAccessPolicy]) {
		writer.line(saved{Policy: writer.document(s.declared[KindAccessPolicy][name])})
	}
	for _, name := range sortedKeys(s.calendars) {
		writer.line(saved{Policy: writer.document(s.calendars[name].source)})
	}
	for _, name := range sortedKeys(s.plans) {
		writer.line(saved{Plan: writer.document(s.plans[name])})
	}
	writer.pools(s.pools, false)
	writer.pools(s.extra, true)
	for _, name := range sortedKeys(s.tenants) {
		writer.tenant(s.tenants[name])
	}
	if writer.err == nil {
		writer.err = json.NewEncoder(buffered).Encode(saved{Sum: hex.EncodeToString(sum.Sum(nil))})
	}
	return errors.Join(writer.err, buffered.Flush())
}

// saver numbers documents as it writes them.
type saver struct {
	out     *json.Encoder
	numbers map[*Resource]int
	err     error
}

func (w *saver) line(l saved) {
	if w.err == nil {
		w.err = w.out.Encode(l)
	}
}

func (w *saver) document(r *Resource) int {
	if n, ok := w.numbers[r]; ok || r == nil {
		return n
	}
	w.line(saved{Document: &savedDocument{File: r.File, Line: r.Line, Text: r.Text, Files: r.Files}})
	w.numbers[r] = len(w.numbers) + 1
	return w.numbers[r]
}

func (w *saver) pools(pools map[string]*servedPool, extra bool) {
	for _, name := range sortedKeys(pools) {
		p := pools[name]
		w.line(saved{Pool: &savedPool{Name: name, Source: w.document(p.source), Version: p.version, Extra: extra}})
	}
}

func (w *saver) tenant(t *servedTenant) {
	l := savedTenant{Name: t.tenant.Name, Source: w.document(t.source), Plan: w.document(t.plan)}
	for _, p := range t.pools {
		l.Pools = append(l.Pools, p.pool.Name)
	}
	for _, p := range t.policies {
		l.Policies = append(l.Policies, w.document(p.source))
	}
	if t.waits {
		l.Active = t.tenant.Active.Name
	}
	if t.calendar != nil {
		l.Calendar = w.document(t.calendar.source)
	}
	w.line(saved{Tenant: &l})
}
