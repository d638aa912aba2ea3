package storetest

import (
	"context"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// Store is all that a store does.
type Store interface {
	Pin(ctx context.Context, tenant, key string) (value string, err error)
	PutPin(ctx context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (winner string, err error)
	OverwritePin(ctx context.Context, tenant, key, value string, ttl time.Duration) error
	ExpirePin(ctx context.Context, tenant, key string, ttl time.Duration) error
	TouchPins(ctx context.Context, refs []store.PinRef, ttl time.Duration) error
	WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error
	LeaseSlots(ctx context.Context, replica string, claims []store.SlotClaim, ttl time.Duration) ([]store.SlotGrant, error)
	Beat(ctx context.Context, me store.Replica, ttl time.Duration) (all []store.Replica, err error)
	Record(ctx context.Context, kind, name string) (store.Record, error)
	Records(ctx context.Context, kind string) ([]store.Record, error)
	PutRecord(ctx context.Context, rec store.Record) (store.Record, error)
	WatchRecords(ctx context.Context, heard func(store.Record), lost func()) error
	Run(ctx context.Context) error
	Healthy() bool
}

// patience is for what happens soon; a loaded machine may take its time.
const patience = 10 * time.Second

// Run proves a store. Each call of open returns a store over the same data, whose Run is
// running; a store of one process returns the same one.
func Run(t *testing.T, open func(t *testing.T) Store) {
	a, b := open(t), open(t)
	both := pair{t, a, b}
	t.Run("pins", both.pins)
	t.Run("the life of pins", both.life)
	t.Run("watching pins", both.watch)
	t.Run("worker slots", both.slots)
	t.Run("worker slots over a long day", both.slotsHold)
	t.Run("replicas", both.replicas)
	t.Run("records", both.records)
	t.Run("records that are changed at once", both.recordsRace)
	t.Run("watching records", both.watchRecords)
}

// pair is two replicas' views of one store.
type pair struct {
	t    *testing.T
	a, b Store
}

// must returns what a call returned, and fails the test when it failed.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until what is so.
func eventually(t *testing.T, message string, what func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !what(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal(message)
		}
	}
}
