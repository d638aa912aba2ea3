package routing

import "math/bits"

// Node is one choice of a rendezvous.
type Node struct {
	Name   string
	Weight int // 0 and below: never chosen
}

// Rendezvous returns the index of the node that a tenant's key belongs to, -1 when there is
// none: highest random weight. Every process comes to the same answer without asking, and
// when a node goes only its own keys move. It uses integers only, so that processors that
// round differently agree as well.
func Rendezvous(tenant, key string, nodes []Node) int {
	best := -1
	var highest uint64
	for i := range nodes {
		if nodes[i].Weight <= 0 {
			continue
		}
		score := Score(tenant, key, nodes[i].Name)
		if best < 0 || beats(nodes[i].Weight, score, nodes[best].Weight, highest) {
			best, highest = i, score
		}
	}
	return best
}

// Score is the weight of name for a tenant's key: FNV-1a over the three, then mixed, so
// that names which differ in one character do not score alike.
func Score(tenant, key, name string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range [...]string{tenant, "\x00", key, "\x00", name} {
		for i := 0; i < len(part); i++ {
			h = (h ^ uint64(part[i])) * prime
		}
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// maxWeight keeps the products of beats inside 64 bits.
const maxWeight = 1 << 20

// beats compares w/-log2(u) of two scores read as u in (0, 1): with that, each node gets
// keys in proportion to its weight, and a change of one weight moves no key between others.
func beats(weightA int, scoreA uint64, weightB int, scoreB uint64) bool {
	if weightA == weightB {
		return scoreA > scoreB
	}
	a := uint64(min(weightA, maxWeight)) * minusLog2(scoreB)
	b := uint64(min(weightB, maxWeight)) * minusLog2(scoreA)
	return a > b
}

// minusLog2 is -log2(score / 2^64) with 32 binary digits after the point.
func minusLog2(score uint64) uint64 {
	if score == 0 {
		return 64 << 32
	}
	whole := uint64(bits.LeadingZeros64(score))
	x := score << whole // 1 <= x/2^63 < 2
	var fraction uint64
	for range 32 {
		high, low := bits.Mul64(x, x)
		fraction <<= 1
		if high>>63 == 1 { // x*x >= 2
			fraction |= 1
			x = high
			continue
		}
		x = high<<1 | low>>63
	}
	return (whole+1)<<32 - fraction
}
