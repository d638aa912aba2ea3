package routing

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func nodes(weights ...int) []Node {
	out := make([]Node, len(weights))
	for i, w := range weights {
		out[i] = Node{Name: fmt.Sprintf("b%d", i+1), Weight: w}
	}
	return out
}

// Other processes, other versions and other processors must agree: these values are fixed.
func TestScoreIsFixed(t *testing.T) {
	for key, want := range map[string]uint64{"a": 0xecc6b671f18780da, "b": 0x16d958fe065fdec4} {
		if got := Score("acme", key, "b1"); got != want {
			t.Errorf("%q: got %#x, want %#x", key, got, want)
		}
	}
	if got := Rendezvous("acme", "session", nil); got != -1 {
		t.Errorf("no node: got %d", got)
	}
	if got := Rendezvous("acme", "session", nodes(0, 0)); got != -1 {
		t.Errorf("nodes without weight: got %d", got)
	}
}

func TestRendezvousKeepsProportions(t *testing.T) {
	const keys = 40_000
	for name, choices := range map[string][]Node{"equal": nodes(1, 1, 1, 1), "one, two, five": nodes(1, 2, 5), "large": nodes(100, 300)} {
		t.Run(name, func(t *testing.T) {
			counts := make([]int, len(choices))
			total := 0
			for _, n := range choices {
				total += n.Weight
			}
			for i := range keys {
				counts[Rendezvous("acme", fmt.Sprintf("session-%d", i), choices)]++
			}
			for i, n := range choices {
				want := float64(keys*n.Weight) / float64(total)
				if math.Abs(float64(counts[i])-want) > 0.05*want {
					t.Errorf("%s got %d keys, want about %.0f", n.Name, counts[i], want)
				}
			}
		})
	}
}

// When a node goes, only its own keys move; when one comes, keys move only to it.
func TestRendezvousMovesNoMoreThanItMust(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := nodes(rapid.SliceOfN(rapid.IntRange(1, 9), 2, 6).Draw(t, "weights")...)
		key := rapid.String().Draw(t, "key")
		before := Rendezvous("acme", key, all)
		gone := rapid.IntRange(0, len(all)-1).Draw(t, "gone")
		fewer := append(append([]Node{}, all[:gone]...), all[gone+1:]...)
		after := Rendezvous("acme", key, fewer)
		if before != gone && fewer[after].Name != all[before].Name {
			t.Fatalf("%q moved from %s to %s although %s went", key, all[before].Name, fewer[after].Name, all[gone].Name)
		}
	})
}

func TestMinusLog2(t *testing.T) {
	for _, score := range []uint64{1, 2, 3, 1 << 20, 1<<63 - 1, 1 << 63, 1<<63 + 12345, math.MaxUint64} {
		got := float64(minusLog2(score)) / (1 << 32)
		if want := 64 - math.Log2(float64(score)); math.Abs(got-want) > 1e-6 {
			t.Errorf("%d: got %v, want %v", score, got, want)
		}
	}
}

func BenchmarkRendezvous(b *testing.B) {
	for name, choices := range map[string][]Node{"equal": nodes(1, 1, 1, 1, 1, 1), "weighted": nodes(1, 2, 3, 4, 5, 6)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = Rendezvous("acme", "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKm", choices)
			}
		})
	}
}
