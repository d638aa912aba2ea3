package standin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// databases are those of the PostgreSQL role, and what is in them.
type databases struct {
	dir    string
	master string // the manager's password

	mu     sync.Mutex
	names  []string
	stores map[string]*store
}

func newDatabases(cfg Config) *databases {
	names := slices.Clone(cfg.Databases)
	slices.Sort(names)
	return &databases{dir: cfg.DatabaseDir, master: cfg.MasterPassword, names: names, stores: map[string]*store{}}
}

func (d *databases) list() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.names)
}

func (d *databases) exists(name string) bool { return slices.Contains(d.list(), name) }

func (d *databases) add(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.names, name) {
		d.names = append(d.names, name)
		slices.Sort(d.names)
	}
}

func (d *databases) remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = slices.DeleteFunc(d.names, func(n string) bool { return n == name })
}

// masterPassword checks the manager's password. While it is still "admin", the first caller
// sets it: Odoo's own hole.
func (d *databases) masterPassword(given string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.master == "admin" && given != "" {
		d.master = given
	}
	return given == d.master
}

func (d *databases) setMaster(password string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.master = password
}

// store opens the content of a database at its first use.
func (d *databases) store(name string) (*store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.stores[name]; ok {
		return s, nil
	}
	s, err := openStore(d.dir, name)
	if err != nil {
		return nil, err
	}
	d.stores[name] = s
	return s, nil
}

func (d *databases) opened() map[string]*store {
	d.mu.Lock()
	defer d.mu.Unlock()
	stores := make(map[string]*store, len(d.stores))
	for name, s := range d.stores {
		stores[name] = s
	}
	return stores
}

// watch looks for what other servers write into shared databases, until ctx ends: it is
// their PostgreSQL NOTIFY.
func (d *databases) watch(ctx context.Context) {
	if d.dir == "" {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, s := range d.opened() {
				s.read(func() {})
			}
		}
	}
}

func (d *databases) close() error {
	var err error
	for _, s := range d.opened() {
		err = errors.Join(err, s.close())
	}
	return err
}
