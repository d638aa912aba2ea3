package cutover

import (
	"slices"
	"time"
)

// SetHold holds the tenant's requests until its lease or an operator ends it.
func (r Record) SetHold(now time.Time, h Hold) (Record, error) {
	if c := r.Cutover; c != nil && c.Held {
		return r, refuse(ErrRunning, "tenant %s is held by cutover %s", r.Tenant, c.ID)
	}
	n := r.clone()
	n.Hold = &h
	return n.changed(now), nil
}

// EndHold lets requests go on.
func (r Record) EndHold(now time.Time) (Record, error) {
	if r.Hold == nil {
		return r, refuse(ErrNotNow, "tenant %s is not held", r.Tenant)
	}
	n := r.clone()
	n.Hold = nil
	return n.changed(now), nil
}

// SetMaintenance puts the page up.
func (r Record) SetMaintenance(now time.Time, m Maintenance) Record {
	n := r.clone()
	n.Maintenance = &m
	return n.changed(now)
}

// EndMaintenance takes the page down.
func (r Record) EndMaintenance(now time.Time) (Record, error) {
	if r.Maintenance == nil {
		return r, refuse(ErrNotNow, "tenant %s has no maintenance page", r.Tenant)
	}
	n := r.clone()
	n.Maintenance = nil
	return n.changed(now), nil
}

// Evict declares a replica gone.
func (r Record) Evict(now time.Time, replica string) Record {
	n := r.clone()
	if !slices.Contains(n.Evicted, replica) {
		n.Evicted = append(n.Evicted, replica)
	}
	return n.changed(now)
}

// Readmit takes a replica back that has caught up.
func (r Record) Readmit(now time.Time, replica string) Record {
	n := r.clone()
	n.Evicted = slices.DeleteFunc(n.Evicted, func(e string) bool { return e == replica })
	return n.changed(now)
}
