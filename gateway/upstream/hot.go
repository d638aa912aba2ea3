package upstream

import (
	"cmp"
	"slices"
	"sync"

	"sluicegate.dev/sluice/routing"
)

const (
	hotFor = 10 // minutes since its last request that a database counts as busy
	maxHot = 64 // databases that a new backend is made to load
)

// hot remembers which databases a pool has served lately: those are what a new backend
// should have loaded before people meet it. Its size is bounded by the tenants configured.
type hot struct{ visits sync.Map } // database -> visit

// visit is one of the last requests for a database, as far as another one for it needs it.
type visit struct {
	tenant  *routing.Tenant
	release *routing.Release
	host    string // with the public port
	scheme  string
	minute  int64
}

// note costs each request one look-up; it writes once a minute and database.
func (h *hot) note(x *routing.Exchange, minute int64) {
	if x.Release == nil {
		return
	}
	if known, ok := h.visits.Load(x.Release.Database); ok && known.(visit).minute == minute {
		return
	}
	h.visits.Store(x.Release.Database, visit{tenant: x.Tenant, release: x.Release, host: x.PublicHost, scheme: x.Scheme, minute: minute})
}

// list is what is busy now, the latest first.
func (h *hot) list(minute int64) []visit {
	var busy []visit
	h.visits.Range(func(database, v any) bool {
		if one := v.(visit); minute-one.minute <= hotFor {
			busy = append(busy, one)
		} else {
			h.visits.Delete(database)
		}
		return true
	})
	slices.SortFunc(busy, func(a, b visit) int {
		return cmp.Or(cmp.Compare(b.minute, a.minute), cmp.Compare(a.release.Database, b.release.Database))
	})
	return busy[:min(len(busy), maxHot)]
}
