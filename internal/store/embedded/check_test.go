package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCheckRefuses breaks one thing at a time, where a bit may flip.
func TestCheckRefuses(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, nil)
	for i := range 5000 {
		put(t, s, fmt.Sprint("k", i), "v", 1, time.Hour)
	}
	s.flush()
	put(t, s, "later", "v", 1, time.Hour) // leaves free pages
	s.Release()
	whole, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	m, err := newestMeta(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	n := binary.NativeEndian
	at := func(b []byte, page uint64) []byte { return b[page*pageSize:] }
	// The outermost bucket has one value, which says where the tree of pins begins.
	outer := page{data: at(whole, m.root)[:pageSize], count: 1}
	pairs, ok := outer.leaf(true)
	if !ok {
		t.Fatal("the outermost bucket makes no sense")
	}
	root := n.Uint64(pairs[0].value)
	below := func(b []byte, i int) []byte { return at(b, root)[pageHead+i*elementHead+8:] }
	if n.Uint16(at(whole, root)[8:]) != isBranch || n.Uint16(at(whole, m.freelist)[10:]) == 0 {
		t.Fatal("the file is too small for this test")
	}

	for what, c := range map[string]struct {
		change func(b []byte)
		says   string
	}{
		"a page that says that it is another":  {func(b []byte) { n.PutUint64(at(b, root), root+1) }, "says that it is"},
		"a page that runs over the end":        {func(b []byte) { n.PutUint32(at(b, root)[12:], 1<<30) }, "runs over the end"},
		"a page that runs over its neighbours": {func(b []byte) { n.PutUint32(at(b, m.root)[12:], uint32(m.pages-m.root-1)) }, "used twice"},
		"a page of no kind":                    {func(b []byte) { n.PutUint16(at(b, root)[8:], 3) }, "no part of a tree"},
		"a branch without keys":                {func(b []byte) { n.PutUint16(at(b, root)[10:], 0) }, "no part of a tree"},
		"more keys than fit":                   {func(b []byte) { n.PutUint16(at(b, root)[10:], 60_000) }, "out of place"},
		"a page that does not exist":           {func(b []byte) { n.PutUint64(below(b, 0), 1<<40) }, "does not exist"},
		"a tree that contains itself":          {func(b []byte) { n.PutUint64(below(b, 0), root) }, "used twice"},
		"two branches with one page":           {func(b []byte) { n.PutUint64(below(b, 1), n.Uint64(below(b, 0))) }, "used twice"},
		"a key that starts elsewhere":          {func(b []byte) { n.PutUint32(at(b, root)[pageHead:], 100) }, "out of place"},
		"a key that is longer":                 {func(b []byte) { at(b, root)[pageHead+4]++ }, "out of place"},
		"a first key that is not its page's":   {func(b []byte) { at(b, root)[pageHead+int(n.Uint16(at(b, root)[10:]))*elementHead] ^= 1 }, "out of place"},
		"a bucket among the pins":              {func(b []byte) { n.PutUint32(at(b, n.Uint64(below(b, 0)))[pageHead:], 1) }, "out of place"},
		"a page that is free and used":         {func(b []byte) { n.PutUint64(at(b, m.freelist)[pageHead:], root) }, "is not free"},
		"a free page that does not exist":      {func(b []byte) { n.PutUint64(at(b, m.freelist)[pageHead:], m.pages) }, "is not free"},
		"more free pages than fit":             {func(b []byte) { n.PutUint16(at(b, m.freelist)[10:], 60_000) }, "do not fit"},
		"no list of free pages":                {func(b []byte) { n.PutUint16(at(b, m.freelist)[8:], isLeaf) }, "holds something else"},
		"two broken heads":                     {func(b []byte) { b[pageHead+40] ^= 1; b[pageSize+pageHead+40] ^= 1 }, "no store of ours"},
	} {
		t.Run(what, func(t *testing.T) {
			b := bytes.Clone(whole)
			c.change(b)
			if err := check(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	t.Run("one broken head is fine", func(t *testing.T) {
		b := bytes.Clone(whole)
		b[(m.tx%2^1)*pageSize+pageHead+40] ^= 1 // the older one
		if err := check(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Error(err)
		}
	})
	t.Run("a file that is cut", func(t *testing.T) {
		if err := check(bytes.NewReader(whole), int64(m.pages)*pageSize-1); err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("got %v", err)
		}
	})
}
