package control

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

func tenantKind() kind[cutover.Record] {
	return kind[cutover.Record]{
		name:  store.KindTenant,
		of:    func(r cutover.Record) string { return r.Tenant },
		merge: cutover.Merge,
		follows: func(a, b cutover.Record) bool {
			return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(fence(a), fence(b)), cmp.Compare(beat(a), beat(b))) <= 0
		},
		stamp: func(base, next cutover.Record, by string, now time.Time) cutover.Record {
			if next.Sequence <= base.Sequence && Digest(base) != Digest(next) {
				next.Sequence = base.Sequence + 1
			}
			if next.Sequence > base.Sequence {
				next.Changed = now
			}
			next.By = by
			return next
		},
		same: func(a, b cutover.Record) bool { return Digest(a) == Digest(b) },
	}
}

func fence(r cutover.Record) uint64 {
	if r.Cutover == nil {
		return 0
	}
	return r.Cutover.Fence
}

func beat(r cutover.Record) uint64 {
	if r.Cutover == nil {
		return 0
	}
	return r.Cutover.Beat
}

func poolKind() kind[cutover.Pool] {
	return kind[cutover.Pool]{
		name:    store.KindPool,
		of:      func(p cutover.Pool) string { return p.Pool },
		merge:   cutover.MergePool,
		follows: func(a, b cutover.Pool) bool { return a.Sequence <= b.Sequence },
		stamp: func(base, next cutover.Pool, by string, now time.Time) cutover.Pool {
			next.Sequence = max(next.Sequence, base.Sequence+1)
			next.By, next.Changed = by, now
			return next
		},
		same: func(a, b cutover.Pool) bool { return PoolDigest(a) == PoolDigest(b) },
	}
}

// Digest names what was decided about a tenant. It does not change while a cutover is merely
// driven: who drives it, its heartbeat and its timeline are no decisions.
func Digest(r cutover.Record) string {
	var running any
	if r.Cutover != nil {
		running = struct {
			ID      string
			Plan    cutover.Plan
			Phase   cutover.Phase
			Paused  bool
			Stage   int
			Percent float64
			Passed  bool
		}{r.Cutover.ID, r.Cutover.Plan, r.Cutover.Phase, r.Cutover.Paused, r.Cutover.Stage, r.Cutover.Percent, r.Cutover.Passed}
	}
	return digest(struct {
		Epoch       uint32
		Settled     []cutover.Settled
		Closings    []routing.Closing
		Hold        *cutover.Hold
		Maintenance *cutover.Maintenance
		Evicted     []string
		Cutover     any
	}{r.Epoch, r.Settled, r.Closings, r.Hold, r.Maintenance, r.Evicted, running})
}

// PoolDigest names what was decided about a pool.
func PoolDigest(p cutover.Pool) string { return digest(p.Backends) }

func digest(value any) string {
	text, err := json.Marshal(value)
	if err != nil { // times beyond the year 9999; then it changes with each call, and no write passes
		text = []byte(err.Error() + time.Now().String())
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
