package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// leaf checks a page of values; those of the outermost bucket are buckets.
func (c *checker) leaf(p page, id uint64, outermost bool, within bounds) error {
	pairs, ok := p.leaf(outermost)
	keys := make([][]byte, len(pairs))
	for i := range pairs {
		keys[i] = pairs[i].key
	}
	if !ok || !inOrder(keys, within) {
		return fmt.Errorf("page %d: its values are out of place", id)
	}
	for _, one := range pairs {
		if !outermost {
			break
		}
		if err := c.bucket(one.value); err != nil {
			return fmt.Errorf("page %d: bucket %q: %w", id, one.key, err)
		}
	}
	return nil
}

type pair struct{ key, value []byte }

// leaf is what a page holds: what each value is, where it starts, the sizes of key and value.
func (p page) leaf(buckets bool) (pairs []pair, ok bool) {
	n, end := binary.NativeEndian, pageHead+p.count*elementHead
	if end > len(p.data) {
		return nil, false
	}
	for i := range p.count {
		head := pageHead + i*elementHead
		isBucket := n.Uint32(p.data[head:]) == 1
		keySize, valueSize := uint64(n.Uint32(p.data[head+8:])), uint64(n.Uint32(p.data[head+12:]))
		both, fits := p.cut(head, &end, n.Uint32(p.data[head+4:]), keySize+valueSize)
		if !fits || isBucket != buckets || n.Uint32(p.data[head:]) > 1 {
			return nil, false
		}
		pairs = append(pairs, pair{both[:keySize], both[keySize:]})
	}
	return pairs, true
}

// bucket checks one inside the outermost one: a tree of its own, or a small page in place.
func (c *checker) bucket(value []byte) error {
	if len(value) < bucketHead {
		return errors.New("it is cut short")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return c.tree(root, 0, false, bounds{})
	}
	inline := page{data: value[bucketHead:]}
	if len(inline.data) < pageHead {
		return errors.New("it is cut short")
	}
	inline.kind = int(binary.NativeEndian.Uint16(inline.data[8:]))
	inline.count = int(binary.NativeEndian.Uint16(inline.data[10:]))
	if inline.kind != isLeaf {
		return errors.New("it holds no values")
	}
	return c.leaf(inline, 0, false, bounds{})
}

// freelist checks that what is free is there, once, and is not used: it is what bbolt
// writes to next.
func (c *checker) freelist(id uint64) error {
	p, err := c.page(id)
	if err != nil {
		return fmt.Errorf("free pages: %w", err)
	}
	if p.kind != isFreelist {
		return fmt.Errorf("free pages: page %d holds something else", id)
	}
	n, at, count := binary.NativeEndian, pageHead, uint64(p.count)
	if count == math.MaxUint16 { // too many for the head: the number comes first
		count = n.Uint64(p.data[at:])
		at += 8
	}
	if count > uint64(len(p.data)-at)/8 {
		return fmt.Errorf("free pages: there are %d, which do not fit", count)
	}
	for i := range int(count) {
		free := n.Uint64(p.data[at+8*i:])
		if free < 2 || free >= c.pages || c.used[free] {
			return fmt.Errorf("free pages: page %d is not free", free)
		}
		c.used[free] = true
	}
	return nil
}
