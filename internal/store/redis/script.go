package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
)

// Script is Lua that Redis runs as one step. Op names it in metrics.
type Script struct {
	op   string
	text string
	hash string
}

// NewScript returns a script. All keys of one call must share a hash tag.
func NewScript(op, text string) *Script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	return &Script{op: op, text: text, hash: hex.EncodeToString(sum[:])}
}

// Script runs a script once, within the store's bounds. Its reply must be a table.
func (s *Store) Script(ctx context.Context, script *Script, keys []string, args ...any) ([]any, error) {
	replies, err := s.do(ctx, script.op, script.call(keys, args...))
	if err != nil {
		return nil, err
	}
	return replies[0].table()
}

// call is one run of a script.
func (sc *Script) call(keys []string, args ...any) request {
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, "EVALSHA", sc.hash, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	return request{key: keys[0], words: append(words, args...), script: sc}
}
