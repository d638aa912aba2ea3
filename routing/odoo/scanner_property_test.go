package odoo

import (
	"math/rand"
	"testing"

	"pgregory.net/rapid"
)

// What a body says does not depend on how it is cut into chunks.
func TestChunksDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"xml", "json", "auth", "form"}).Draw(t, "kind")
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		body := randomBody(r, kind)
		for range rapid.IntRange(0, 2).Draw(t, "mutations") {
			body = mutate(r, kind, body)
		}
		want, wantSecret, wantErr := scanAll(oracleKinds[kind], body, len(body)+1)

		s := NewScanner(oracleKinds[kind])
		secret := ""
		s.Credential = func(b []byte) { secret = string(b) }
		for rest := []byte(body); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			if n > 8 && rapid.Bool().Draw(t, "small") {
				n %= 8
				n++
			}
			if _, err := s.Write(rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		got, err := s.Close()
		if got != want || secret != wantSecret || reasonOf(err) != reasonOf(wantErr) {
			t.Fatalf("%q: in chunks %+v, %q, %v; whole %+v, %q, %v", body, got, secret, err, want, wantSecret, wantErr)
		}
	})
}

func TestScanningDoesNotAllocateMoreForMore(t *testing.T) {
	small, large := []byte(jsonExecute), []byte(jsonExecute)
	large = append(large[:len(large)-1], `,"x":"`...)
	for range 100_000 {
		large = append(large, `y\n`...)
	}
	large = append(large, `"}`...)
	s := NewScanner(JSONRPC)
	allocs := func(body []byte) float64 {
		return testing.AllocsPerRun(20, func() {
			s.Reset(JSONRPC)
			if _, err := s.Write(body); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if a, b := allocs(small), allocs(large); a > 6 || b > a {
		t.Errorf("%v allocations for %d bytes, %v for %d", a, len(small), b, len(large))
	}
}

func FuzzScanner(f *testing.F) {
	r := rand.New(rand.NewSource(1))
	for i := range 40 {
		for n, kind := range []string{"xml", "json", "auth", "form"} {
			body := randomBody(r, kind)
			if i%2 == 1 {
				body = mutate(r, kind, body)
			}
			f.Add(n+1, body)
		}
	}
	f.Fuzz(func(t *testing.T, n int, body string) {
		kind := Kind(n&3 + 1)
		whole, secret, err := scanAll(kind, body, len(body)+1)
		bytes, secretBytes, errBytes := scanAll(kind, body, 1)
		if whole != bytes || secret != secretBytes || reasonOf(err) != reasonOf(errBytes) {
			t.Fatalf("whole: %+v, %v; byte by byte: %+v, %v", whole, err, bytes, errBytes)
		}
	})
}
