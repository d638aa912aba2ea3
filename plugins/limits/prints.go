package limits

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// printer makes fingerprints: keyed hashes, so that nobody without the key can tell whose they
// are or make two that are equal.
type printer struct{ pool sync.Pool }

// printBytes of a hash are kept: 80 bits, 16 letters.
const printBytes = 10

func newPrinter(key []byte) *printer {
	p := &printer{}
	p.pool.New = func() any { return hmac.New(sha256.New, key) }
	return p
}

// of is the fingerprint of parts. Their lengths are hashed too: "ab","c" is not "a","bc".
func (p *printer) of(parts ...string) string {
	h := p.pool.Get().(hash.Hash)
	defer p.pool.Put(h)
	h.Reset()
	var buf [128]byte
	b := buf[:0]
	for _, part := range parts {
		b = strconv.AppendInt(b, int64(len(part)), 10)
		b = append(b, ':')
		b = append(b, part...)
	}
	h.Write(b)
	clear(b) // a credential may have been in it
	var sum [sha256.Size]byte
	return strings.ToLower(base32.HexEncoding.EncodeToString(h.Sum(sum[:0])[:printBytes]))
}
