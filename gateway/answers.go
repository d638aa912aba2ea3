package gateway

import (
	"context"
	"encoding/json"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// answers keeps what the admin API answered under a key where the other gateways find it. It
// is a courtesy: without it, and without the store, a repeated write is refused as stale.
type answers struct{ g *Gateway }

// answerLife is how long an answer is kept.
const answerLife = 24 * time.Hour

// Answer implements admin.Answers, as does KeepAnswer.
func (a answers) Answer(ctx context.Context, name string) ([]byte, bool) {
	rec, err := a.g.store.Record(ctx, store.KindIdempotency, name)
	if err != nil || rec.Version == 0 {
		return nil, false
	}
	return a.g.controlKeys.Open(store.KindIdempotency, name, rec.Value)
}

func (a answers) KeepAnswer(ctx context.Context, name string, text []byte) {
	sealed := a.g.controlKeys.Seal(store.KindIdempotency, name, text)
	if _, err := a.g.store.PutRecord(ctx, store.Record{Kind: store.KindIdempotency, Name: name, Value: sealed}); err != nil {
		a.g.log.WarnContext(ctx, "the other gateways do not know an Idempotency-Key", "err", err)
		return
	}
	a.prune(ctx)
}

// prune removes answers that nobody asks for any more.
func (a answers) prune(ctx context.Context) {
	all, err := a.g.store.Records(ctx, store.KindIdempotency)
	if err != nil {
		return // the next write does
	}
	for _, rec := range all {
		var when struct {
			At time.Time `json:"at"`
		}
		text, ours := a.g.controlKeys.Open(rec.Kind, rec.Name, rec.Value)
		if ours && json.Unmarshal(text, &when) == nil && time.Since(when.At) < answerLife {
			continue
		}
		rec.Value = nil
		_, _ = a.g.store.PutRecord(ctx, rec) // it has been replaced meanwhile, or the next write does
	}
}
