package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Restore reads a saved snapshot. What this version would refuse is left out and reported,
// as it would be when read from its source. Every name counts as news for the next Compile.
func Restore(data []byte, opts Options) (*Snapshot, error) {
	lines, err := savedLines(data)
	if err != nil {
		return nil, err
	}
	r := &restorer{compiler: compiler{opts: opts, previous: emptySnapshot()}, lines: lines}
	if err := r.documents(); err != nil {
		return nil, err
	}
	r.compiler.index = index{declared: map[Kind]map[string]*Resource{}, touched: map[Kind]map[string]bool{}}
	r.plans, r.pools = map[string]*Resource{}, map[string]*servedPool{}
	r.policies, r.calendars = map[string]*servedPolicy{}, map[string]*servedCalendar{}
	r.extra, r.replaced, r.served = map[string]*servedPool{}, map[ref]bool{}, map[string]*servedTenant{}
	for _, l := range lines {
		if err := r.line(l); err != nil {
			return nil, err
		}
	}
	s := r.snapshot()
	s.AppliedAt = lines[0].Applied
	s.markRestored()
	return s, nil
}

// savedLines checks the sum and the format before anything is believed.
func savedLines(data []byte) ([]saved, error) {
	body, tail := cutLastLine(data)
	var end saved
	sum := sha256.Sum256(body)
	if json.Unmarshal(tail, &end) != nil || end.Sum != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: its sum does not fit", ErrSaved)
	}
	var lines []saved
	for decoder := json.NewDecoder(bytes.NewReader(body)); decoder.More(); {
		var l saved
		if err := decoder.Decode(&l); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrSaved, len(lines)+1, err)
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 || lines[0].Format != savedFormat {
		return nil, fmt.Errorf("%w: another version wrote it", ErrSaved)
	}
	return lines, nil
}

func cutLastLine(data []byte) (body, last []byte) {
	trimmed := bytes.TrimRight(data, "\n")
	i := bytes.LastIndexByte(trimmed, '\n') + 1
	return data[:i], trimmed[i:]
}

// restorer builds what was served from the documents that it was built from.
type restorer struct {
	compiler
	lines []saved
	docs  []*Resource // by number - 1
	extra map[string]*servedPool
}

func (r *restorer) documents() error {
	var texts []string
	for _, l := range r.lines {
		if l.Document != nil {
			texts = append(texts, l.Document.Text)
		}
	}
	r.docs = ParseAll(texts)
	n := 0
	for _, l := range r.lines {
		if l.Document == nil {
			continue
		}
		doc := r.docs[n]
		if doc == nil {
			return fmt.Errorf("%w: document %d is empty", ErrSaved, n+1)
		}
		doc = doc.At(l.Document.File, l.Document.Line)
		if len(doc.Paths()) > 0 {
			doc = doc.With(l.Document.Files)
		}
		r.docs[n] = doc
		n++
	}
	return nil
}

// usable returns a document that this version understands, nil for one that it does not.
func (r *restorer) usable(number int, kind Kind) *Resource {
	if number < 1 || number > len(r.docs) {
		return nil
	}
	doc := r.docs[number-1]
	if doc.Broken() || doc.Kind != kind {
		r.general = append(r.general, doc.Problems()...)
		return nil
	}
	return doc
}

func (r *restorer) line(l saved) error {
	switch {
	case l.Policy > 0 && l.Policy <= len(r.docs):
		r.policy(l.Policy)
	case l.Plan > 0:
		if plan := r.usable(l.Plan, KindPlan); plan != nil {
			r.plans[plan.Name] = plan
		}
	case l.Pool != nil:
		r.pool(*l.Pool)
	case l.Tenant != nil:
		r.tenant(*l.Tenant)
	}
	return nil
}

func (r *restorer) pool(l savedPool) {
	source := r.usable(l.Source, KindPool)
	if source == nil {
		return
	}
	r.opts.Versions = map[string]string{l.Name: l.Version}
	built := r.buildPool(source)
	r.general = append(r.general, built.problems.Errors()...)
	switch {
	case built.problems.Failed():
	case l.Extra:
		r.extra[l.Name] = built
	default:
		r.pools[l.Name] = built
		r.replaced[ref{KindPool, l.Name}] = true
	}
}

func (r *restorer) policy(number int) {
	switch doc := r.docs[number-1]; doc.Kind {
	case KindCalendar:
		if doc = r.usable(number, KindCalendar); doc != nil {
			r.calendars[doc.Name] = calendarFrom(doc)
			r.replaced[ref{KindCalendar, doc.Name}] = true
		}
	case KindLimitPolicy:
		if doc = r.usable(number, KindLimitPolicy); doc != nil {
			r.policies[doc.Name] = servedFrom(doc)
			r.replaced[ref{KindLimitPolicy, doc.Name}] = true
		}
	}
}

// policiesOf are the versions that a tenant was built on: a kept tenant may be on an older one.
func (r *restorer) policiesOf(numbers []int) func(string) *servedPolicy {
	own := map[string]*servedPolicy{}
	for _, number := range numbers {
		doc := r.usable(number, KindLimitPolicy)
		if doc == nil {
			continue
		}
		if own[doc.Name] = r.policies[doc.Name]; own[doc.Name] == nil || own[doc.Name].source != doc {
			own[doc.Name] = servedFrom(doc)
		}
	}
	return func(name string) *servedPolicy { return own[name] }
}

// calendarOf is the version that a tenant was built on.
func (r *restorer) calendarOf(number int) func(string) *servedCalendar {
	own := &servedCalendar{}
	if doc := r.usable(number, KindCalendar); doc != nil {
		own = or(r.calendars[doc.Name], own)
		if own.source != doc {
			own = calendarFrom(doc)
		}
	}
	return func(name string) *servedCalendar {
		if own.source != nil && own.source.Name == name {
			return own
		}
		return r.calendars[name]
	}
}

func (r *restorer) tenant(l savedTenant) {
	source := r.usable(l.Source, KindTenant)
	if source == nil {
		return
	}
	var plan *Resource
	if l.Plan > 0 {
		if plan = r.usable(l.Plan, KindPlan); plan == nil {
			return
		}
	}
	built := r.build(source, plan, parts{
		pool:     func(name string) *servedPool { return or(r.pools[name], r.extra[name]) },
		policy:   r.policiesOf(l.Policies),
		calendar: r.calendarOf(l.Calendar),
	})
	if built.problems.Failed() {
		r.general = append(r.general, built.problems.Errors()...)
		return
	}
	if stays := built.tenant.Releases[l.Active]; stays != nil {
		built.tenant.Active, built.waits = stays, true
	}
	if r.served[l.Name] == nil {
		r.serve(l.Name, built)
	}
}

// markRestored says what the snapshot is, and that nothing of it is known to be declared.
func (s *Snapshot) markRestored() {
	s.index = index{}
	for name := range s.tenants {
		s.keep(ref{KindTenant, name})
	}
	for name := range s.pools {
		s.keep(ref{KindPool, name})
	}
	for name := range s.plans {
		s.keep(ref{KindPlan, name})
	}
	for name := range s.policies {
		s.keep(ref{KindLimitPolicy, name})
	}
	for name := range s.calendars {
		s.keep(ref{KindCalendar, name})
	}
	s.Problems = append(slices.Clone(s.Problems), Problem{Warning: true, Message: fmt.Sprintf(
		"serving the last good snapshot, %s of %s, until the sources are read", s.Revision, s.AppliedAt.UTC().Format(time.RFC3339))})
}

// Resources are the documents that the snapshot was built from, in no order.
func (s *Snapshot) Resources() []*Resource {
	all := map[*Resource]bool{}
	for _, t := range s.tenants {
		all[t.source] = true
	}
	for _, group := range []map[string]*servedPool{s.pools, s.extra} {
		for _, p := range group {
			all[p.source] = true
		}
	}
	for _, plan := range s.plans {
		all[plan] = true
	}
	for _, p := range s.policies {
		all[p.source] = true
	}
	for _, p := range s.calendars {
		all[p.source] = true
	}
	return slices.Collect(maps.Keys(all))
}
