package cutover

import (
	"cmp"
	"maps"
)

// Merge is what two replicas agree on whose records grew apart while they could not talk: the
// one with the higher epoch, which knows of more moves; then the one that was changed more
// often; then the later; then the one of the greater name, so that all come to the same. It
// does not mix two decisions on where sessions go: half of each was never decided.
//
// Epochs never fall, so the result has the higher one.
func Merge(a, b Record) Record {
	if prevails(b, a) {
		return b
	}
	return a
}

func prevails(a, b Record) bool {
	return cmp.Or(
		cmp.Compare(a.Epoch, b.Epoch),
		cmp.Compare(a.Sequence, b.Sequence),
		cmp.Compare(fence(a), fence(b)),
		cmp.Compare(beat(a), beat(b)),
		a.Changed.Compare(b.Changed),
		cmp.Compare(a.By, b.By),
	) > 0
}

func fence(r Record) uint64 {
	if r.Cutover == nil {
		return 0
	}
	return r.Cutover.Fence
}

func beat(r Record) uint64 {
	if r.Cutover == nil {
		return 0
	}
	return r.Cutover.Beat
}

// MergePool does so for pools: of each backend holds what was said last. One that only one of
// them knows was said there; what has ended takes itself out again.
func MergePool(a, b Pool) Pool {
	best, other := a, b
	if cmp.Or(cmp.Compare(b.Sequence, a.Sequence), b.Changed.Compare(a.Changed), cmp.Compare(b.By, a.By)) > 0 {
		best, other = b, a
	}
	backends := make(map[string]Backend, len(best.Backends))
	maps.Copy(backends, best.Backends)
	for name, said := range other.Backends {
		if mine, ok := backends[name]; !ok || said.At.After(mine.At) {
			backends[name] = said
		}
	}
	best.Backends = backends
	return best
}
