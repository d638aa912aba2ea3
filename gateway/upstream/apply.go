package upstream

import (
	"maps"
	"time"

	"sluicegate.dev/sluice/routing"
)

// Apply makes pools the current ones. What stays keeps its health, counts, connections and
// sockets; what is gone finishes what it has. It costs a look at each pool, and work only
// for those that changed.
func (u *Upstream) Apply(pools map[string]*routing.Pool) {
	u.applying.Lock()
	defer u.applying.Unlock()
	old := *u.pools.Load()
	var added []*poolState
	kept := 0
	for name, pool := range pools {
		live, ok := old[name]
		if !ok {
			added = append(added, u.newPool(pool))
			continue
		}
		kept++
		u.update(live, pool)
	}
	if len(added) == 0 && kept == len(old) {
		return
	}
	next := maps.Clone(old)
	for name, live := range old {
		if _, ok := pools[name]; !ok {
			delete(next, name)
			u.reconcile(live, nil)
		}
	}
	for _, live := range added {
		next[live.name] = live
	}
	u.pools.Store(&next)
}

func (u *Upstream) newPool(pool *routing.Pool) *poolState {
	live := &poolState{name: pool.Name, gates: u.admission.Pool(pool.Name)}
	live.conf.Store(pool)
	live.backends.Store(&[]*backend{})
	u.reconcile(live, pool.Backends)
	return live
}

// update takes a pool's new version. Equal digests mean equal pools.
func (u *Upstream) update(live *poolState, pool *routing.Pool) {
	old := live.conf.Load()
	if live.adopted {
		live.adopted = false
		for _, b := range *live.backends.Load() {
			u.schedule.add(b)
		}
	}
	if old == pool {
		return
	}
	live.conf.Store(pool)
	if old.Digest == "" || old.Digest != pool.Digest {
		u.reconcile(live, pool.Backends)
	}
}

// reconcile brings the backends of a pool to what conf says. The order is conf's.
func (u *Upstream) reconcile(live *poolState, conf []routing.Backend) {
	old := *live.backends.Load()
	next := make([]*backend, 0, len(conf))
	stays := make(map[*backend]bool, len(old))
	var fresh []*backend
	for i := range conf {
		b := find(old, &conf[i])
		if b == nil {
			b = u.newBackend(live, &conf[i])
			fresh = append(fresh, b)
			if len(old) > 0 { // in a pool that is new as a whole nobody is newer than another
				b.born.Store(time.Now().UnixNano())
			}
		} else {
			b.conf.Store(&conf[i])
			b.gate.Resize(conf[i].Workers)
			stays[b] = true
		}
		next = append(next, b)
	}
	live.backends.Store(&next)
	for _, b := range fresh {
		if b.born.Load() != 0 {
			u.expectDatabases(b)
		}
	}
	if !live.adopted {
		for _, b := range fresh {
			u.schedule.add(b)
		}
	}
	for _, b := range old {
		if !stays[b] {
			u.retire(b)
		}
	}
}

func find(backends []*backend, conf *routing.Backend) *backend {
	for _, b := range backends {
		if b.is(conf) {
			return b
		}
	}
	return nil
}

// pool finds the live state for the pool that a request was routed to. A request may hold a
// table that is a moment newer or older than what was applied; it is served all the same.
func (u *Upstream) pool(conf *routing.Pool) *poolState {
	if live, ok := (*u.pools.Load())[conf.Name]; ok {
		return live
	}
	u.applying.Lock()
	defer u.applying.Unlock()
	old := *u.pools.Load()
	if live, ok := old[conf.Name]; ok {
		return live
	}
	live := &poolState{name: conf.Name, gates: u.admission.Pool(conf.Name), adopted: true}
	live.conf.Store(conf)
	live.backends.Store(&[]*backend{})
	u.reconcile(live, conf.Backends)
	next := maps.Clone(old)
	next[live.name] = live
	u.pools.Store(&next)
	return live
}
