package control

import (
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// What follows stands in for routing/cutover until that has it.

func mergeRecord(a, b cutover.Record) cutover.Record {
	if a.Epoch > b.Epoch || a.Epoch == b.Epoch && a.Sequence >= b.Sequence {
		return a
	}
	return b
}

func mergePool(a, b cutover.Pool) cutover.Pool {
	if a.Sequence >= b.Sequence {
		return a
	}
	return b
}

func courseOf(r cutover.Record, active string, _ []string) *routing.Course {
	c := &routing.Course{Tenant: r.Tenant, Epoch: r.Epoch, Legs: []routing.Leg{{Active: active, Closings: r.Closings}}}
	if r.Hold != nil {
		c.Hold = &r.Hold.Hold
	}
	if r.Maintenance != nil {
		c.Page = &r.Maintenance.Page
	}
	return c
}

func drifted(r cutover.Record, active string) bool {
	return len(r.Settled) > 0 && r.Settled[len(r.Settled)-1].Active != active
}

func agree(r cutover.Record, active string) (cutover.Record, bool) {
	if len(r.Settled) == 0 || drifted(r, active) {
		return r, false
	}
	r.Settled = nil
	r.Sequence++
	return r, true
}

func endHold(r cutover.Record, _ time.Time, _, _ string) (cutover.Record, error) {
	r.Hold = nil
	r.Sequence++
	return r, nil
}

func endMaintenance(r cutover.Record, _ time.Time, _, _ string) (cutover.Record, error) {
	r.Maintenance = nil
	r.Sequence++
	return r, nil
}

func readmit(r cutover.Record, _ time.Time, replica string) (cutover.Record, error) {
	r.Evicted = slices.DeleteFunc(slices.Clone(r.Evicted), func(id string) bool { return id == replica })
	r.Sequence++
	return r, nil
}
