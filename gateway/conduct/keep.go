package conduct

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing/cutover"
)

// How reports get around. Every gateway writes the report of each cutover that ends onto its
// own disk, from the record that all share. The store holds the newest ones of each tenant in
// one value, for gateways whose disk began empty.

// ReportStore is where reports outlive a disk.
type ReportStore interface {
	Records(ctx context.Context, kind string) ([]store.Record, error)
	PutRecord(ctx context.Context, rec store.Record) (store.Record, error)
}

const (
	keepEvery   = 5 * time.Second
	sharedMost  = 32        // reports of a tenant in the store
	sharedBytes = 256 << 10 // and not more than so much, packed
)

// keepReports writes reports of what has ended, until ctx ends.
func (c *Conductor) keepReports(ctx context.Context) {
	if c.cfg.Reports == nil {
		return
	}
	k := keeper{Conductor: c, kept: map[string]string{}, owed: map[string]Signed{}}
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		k.once(ctx)
		select {
		case <-ctx.Done():
			k.keep(context.WithoutCancel(ctx)) // what ended last
			return
		case <-tick.C:
		}
	}
}

// keeper remembers what is done already.
type keeper struct {
	*Conductor
	loaded bool
	kept   map[string]string // the newest cutover of a tenant that is on the disk
	owed   map[string]Signed // what the store lacks, by cutover
}

func (k *keeper) once(ctx context.Context) {
	k.keep(ctx)
	if k.cfg.Store == nil {
		return
	}
	if !k.loaded {
		k.loaded = k.load(ctx) == nil // else it is tried again
	}
	for id, s := range k.owed {
		if k.share(ctx, s) == nil { // as above
			delete(k.owed, id)
		}
	}
}

// keep writes the reports of cutovers that have ended and have none.
func (k *keeper) keep(ctx context.Context) {
	for _, rec := range k.cfg.Control.All() {
		last := rec.Last
		if last == nil || last.Ended == nil || k.kept[rec.Tenant] == last.ID {
			continue
		}
		signed, err := k.cfg.Reports.Sign(rec.Tenant, last.ID, *last.Ended, cutover.NewReport(*last))
		if err == nil {
			err = k.cfg.Reports.Keep(signed)
		}
		if err != nil {
			k.log.ErrorContext(ctx, "the report of a cutover could not be written, trying again", "tenant", rec.Tenant, "cutover", last.ID, "err", err)
			continue
		}
		k.kept[rec.Tenant], k.owed[last.ID] = last.ID, signed
	}
}

// load writes what the store holds onto this disk.
func (k *keeper) load(ctx context.Context) error {
	records, err := k.cfg.Store.Records(ctx, store.KindReport)
	if err != nil {
		return fmt.Errorf("read reports: %w", err)
	}
	for _, rec := range records {
		for _, s := range unpack(rec.Value) {
			if k.cfg.Reports.Verify(s) != nil {
				continue // not ours, or of a key that is gone
			}
			if err := k.cfg.Reports.Keep(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// share puts a report into the store, unless it is there.
func (k *keeper) share(ctx context.Context, s Signed) error {
	next := store.Record{Kind: store.KindReport, Name: s.Tenant}
	all := []Signed{s}
	for range 8 {
		var err error
		if next.Value, err = pack(all); err != nil {
			return err
		}
		there, err := k.cfg.Store.PutRecord(ctx, next)
		if !errors.Is(err, store.ErrConflict) {
			return err //nolint:wrapcheck // it is tried again
		}
		next.Version = there.Version
		all = unpack(there.Value)
		if slices.ContainsFunc(all, func(o Signed) bool { return o.Cutover == s.Cutover }) {
			return nil
		}
		all = append(all, s)
	}
	return store.ErrConflict
}

// pack is as many of the newest reports as may be, compressed.
func pack(all []Signed) ([]byte, error) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Signed) int { return b.Ended.Compare(a.Ended) })
	all = all[:min(len(all), sharedMost)]
	for {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if err := errors.Join(json.NewEncoder(w).Encode(all), w.Close()); err != nil {
			return nil, fmt.Errorf("pack reports: %w", err)
		}
		if out.Len() <= sharedBytes || len(all) == 0 {
			return out.Bytes(), nil
		}
		all = all[:min(len(all)-1, len(all)*sharedBytes/out.Len())]
	}
}

// unpack reads what pack wrote. What is none of it counts as nothing: each report is verified.
func unpack(value []byte) []Signed {
	const most = 64 << 20
	r, err := gzip.NewReader(bytes.NewReader(value))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, most))
	var all []Signed
	if err != nil || json.Unmarshal(text, &all) != nil {
		return nil
	}
	return all
}
