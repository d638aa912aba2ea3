package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
)

// bbolt maps its file into memory and follows what stands there: one bit that flipped in the
// head of a page can send it round in circles or make it ask for all memory, and neither can
// be caught. So the file is read with care before bbolt sees it. This file knows bbolt's
// format, version 2, which has not changed since 2014.
const (
	pageSize    = 4096
	pageHead    = 16 // id 8, flags 2, count 2, overflow 4
	elementHead = 16
	bucketHead  = 16 // root page, sequence
	deepest     = 24 // with two keys a page that would be 16 million pages

	isBranch, isLeaf, isFreelist = 0x01, 0x02, 0x10

	magic, version = 0xED0CDAED, 2
)

// checker walks a file. It reads numbers as bbolt writes them: in the machine's own order.
type checker struct {
	file  io.ReaderAt
	pages uint64 // in use or free; what lies behind them counts for nothing
	used  []bool
}

// meta is what a file's head says.
type meta struct{ root, freelist, pages, tx uint64 }

// check returns why a file of that size cannot be given to bbolt.
func check(file io.ReaderAt, size int64) error {
	m, err := newestMeta(file)
	if err != nil {
		return err
	}
	if m.pages < 4 || m.pages > math.MaxInt64/pageSize || int64(m.pages)*pageSize > size {
		return fmt.Errorf("cut short: %d bytes are there, %d pages should be", size, m.pages)
	}
	c := &checker{file: file, pages: m.pages, used: make([]bool, m.pages)}
	c.used[0], c.used[1] = true, true
	if err := c.tree(m.root, 0, true, bounds{}); err != nil {
		return err
	}
	return c.freelist(m.freelist)
}

// newestMeta returns the head that bbolt goes by: the newer of the two that is whole. The
// other may have been written when the power went.
func newestMeta(file io.ReaderAt) (meta, error) {
	var best meta
	found := false
	for at := range int64(2) {
		page := make([]byte, pageSize)
		if _, err := file.ReadAt(page, at*pageSize); err != nil {
			return meta{}, fmt.Errorf("read its head: %w", err)
		}
		if m, ok := readMeta(page[pageHead:]); ok && (!found || m.tx > best.tx) {
			best, found = m, true
		}
	}
	if !found {
		return meta{}, fmt.Errorf("it is no store of ours: its head makes no sense")
	}
	return best, nil
}

func readMeta(b []byte) (meta, bool) {
	const sumAt = 56
	sum := fnv.New64a()
	_, _ = sum.Write(b[:sumAt]) // never fails
	n := binary.NativeEndian
	ok := n.Uint32(b) == magic && n.Uint32(b[4:]) == version && n.Uint32(b[8:]) == pageSize && n.Uint64(b[sumAt:]) == sum.Sum64()
	return meta{root: n.Uint64(b[16:]), freelist: n.Uint64(b[32:]), pages: n.Uint64(b[40:]), tx: n.Uint64(b[48:])}, ok
}

// page is a page with those that it runs over into.
type page struct {
	kind, count int
	data        []byte
}

// page reads a page that nothing else uses.
func (c *checker) page(id uint64) (page, error) {
	if id < 2 || id >= c.pages {
		return page{}, fmt.Errorf("page %d does not exist", id)
	}
	head := make([]byte, pageHead)
	if _, err := c.file.ReadAt(head, int64(id)*pageSize); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	n := binary.NativeEndian
	if n.Uint64(head) != id {
		return page{}, fmt.Errorf("page %d says that it is %d", id, n.Uint64(head))
	}
	over := uint64(n.Uint32(head[12:]))
	if over >= c.pages-id {
		return page{}, fmt.Errorf("page %d runs over the end", id)
	}
	for i := id; i <= id+over; i++ {
		if c.used[i] {
			return page{}, fmt.Errorf("page %d is used twice", i)
		}
		c.used[i] = true
	}
	data := make([]byte, (over+1)*pageSize)
	if _, err := c.file.ReadAt(data, int64(id)*pageSize); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	return page{int(n.Uint16(head[8:])), int(n.Uint16(head[10:])), data}, nil
}

// bounds are the keys between which a page's keys must lie: its first one is what the page
// above says, and all are before the next one there.
type bounds struct{ first, next []byte }

// tree checks the pages of a bucket; only the outermost one holds buckets.
func (c *checker) tree(id uint64, depth int, outermost bool, within bounds) error {
	if depth > deepest {
		return fmt.Errorf("page %d lies too deep", id)
	}
	p, err := c.page(id)
	if err != nil {
		return err
	}
	switch {
	case p.kind == isLeaf && (p.count > 0 || depth == 0):
		return c.leaf(p, id, outermost, within)
	case p.kind != isBranch || p.count == 0:
		return fmt.Errorf("page %d is no part of a tree", id)
	}
	keys, below, ok := p.branch()
	if !ok || !inOrder(keys, within) {
		return fmt.Errorf("page %d: its keys are out of place", id)
	}
	for i := range keys {
		under := bounds{keys[i], within.next}
		if i+1 < len(keys) {
			under.next = keys[i+1]
		}
		if err := c.tree(below[i], depth+1, outermost, under); err != nil {
			return err
		}
	}
	return nil
}

// branch is what a page holds: where each key starts, its size, the page below. The keys lie
// one behind the other, after all heads.
func (p page) branch() (keys [][]byte, below []uint64, ok bool) {
	n, end := binary.NativeEndian, pageHead+p.count*elementHead
	if end > len(p.data) {
		return nil, nil, false
	}
	for i := range p.count {
		head := pageHead + i*elementHead
		key, ok := p.cut(head, &end, n.Uint32(p.data[head:]), uint64(n.Uint32(p.data[head+4:])))
		if !ok {
			return nil, nil, false
		}
		keys, below = append(keys, key), append(below, n.Uint64(p.data[head+8:]))
	}
	return keys, below, true
}

// cut is what an element says that it holds. It must begin where the one before ended.
func (p page) cut(head int, end *int, from uint32, size uint64) ([]byte, bool) {
	start := *end
	if uint64(head)+uint64(from) != uint64(start) || size > uint64(len(p.data)-start) {
		return nil, false
	}
	*end += int(size)
	return p.data[start:*end], true
}

// inOrder says whether keys grow, and lie within bounds.
func inOrder(keys [][]byte, within bounds) bool {
	for i, key := range keys {
		if len(key) == 0 || i > 0 && bytes.Compare(keys[i-1], key) >= 0 {
			return false
		}
	}
	if len(keys) == 0 {
		return true
	}
	return (within.first == nil || bytes.Equal(keys[0], within.first)) &&
		(within.next == nil || bytes.Compare(keys[len(keys)-1], within.next) < 0)
}
