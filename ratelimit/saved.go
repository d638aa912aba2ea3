package ratelimit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// saved is what outlives this process when it keeps the ledger itself: quotas, which count for
// days, and blocks. Rates are full again soon enough.
type saved struct {
	Quotas []savedQuota `json:"quotas"`
	Blocks []savedBlock `json:"blocks"`
}

type savedQuota struct {
	Scope string  `json:"scope"`
	Cell  string  `json:"cell"`
	Spent float64 `json:"spent"`
	From  int64   `json:"from"` // the window, microseconds of Unix time
	Ends  int64   `json:"ends"`
}

type savedBlock struct {
	Scope string    `json:"scope"`
	Key   string    `json:"key"`
	Until time.Time `json:"until"`
}

// saveEvery bounds what a crash gives back.
const saveEvery = 10 * time.Second

// quotas are those that are not over.
func (m *Memory) quotas() []savedQuota {
	now := m.now().UnixMicro()
	var all []savedQuota
	for i := range m.shards {
		shard := &m.shards[i]
		shard.mu.Lock()
		for key, c := range shard.cells {
			if c.kind == Windowed && now < c.ends && c.level > 0 {
				all = append(all, savedQuota{key.scope, key.cell, c.level, c.from, c.ends})
			}
		}
		shard.mu.Unlock()
	}
	return all
}

// resume takes quotas in. What was spent meanwhile counts as well.
func (m *Memory) resume(all []savedQuota) {
	now := m.now().UnixMicro()
	for _, q := range all {
		if now >= q.Ends {
			continue
		}
		shard := m.shard(q.Scope)
		shard.mu.Lock()
		c := shard.cell(memoryKey{q.Scope, q.Cell}, now, &m.kept)
		if c.from == q.From || c.from == 0 {
			c.level += q.Spent
			c.from, c.ends, c.kind, c.gone = q.From, q.Ends, Windowed, q.Ends+gapWindow
		}
		shard.mu.Unlock()
	}
}

// save writes the file, whole or not at all.
func (l *Limiter) save() error {
	ledger, ok := l.ledger.(*Memory)
	if !ok || l.file == "" {
		return nil
	}
	text, err := json.Marshal(saved{ledger.quotas(), l.blocks()})
	if err != nil {
		return fmt.Errorf("save limits: %w", err)
	}
	if string(text) == l.written {
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(l.file), ".limits-*")
	if err != nil {
		return fmt.Errorf("save limits: %w", err)
	}
	_, err = temporary.Write(text)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return errors.Join(fmt.Errorf("save limits: %w", err), os.Remove(temporary.Name()))
	}
	if err := os.Rename(temporary.Name(), l.file); err != nil {
		return errors.Join(fmt.Errorf("save limits: %w", err), os.Remove(temporary.Name()))
	}
	l.written = string(text)
	return nil
}

// restore reads the file. Without a readable one counting begins anew.
func (l *Limiter) restore() error {
	ledger, ok := l.ledger.(*Memory)
	if !ok || l.file == "" {
		return nil
	}
	text, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read limits: %w", err)
	}
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read limits from %s: %w", l.file, err)
	}
	ledger.resume(s.Quotas)
	for _, b := range s.Blocks {
		l.obey(Order{Verb: DoBlock, Scope: b.Scope, Key: b.Key, Until: b.Until})
	}
	return nil
}

func (l *Limiter) blocks() []savedBlock {
	now := l.now()
	var all []savedBlock
	for _, s := range l.scopes() {
		s.mu.Lock()
		for key, until := range s.blocked {
			if now.Before(until) {
				all = append(all, savedBlock{s.name, key, until})
			}
		}
		s.mu.Unlock()
	}
	return all
}
