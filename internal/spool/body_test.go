package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"
)

func newSpace(t testing.TB, cfg Config) *Space {
	t.Helper()
	cfg.Dir = t.TempDir()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func randomBytes(n int) []byte {
	source := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = source.Read(b)
	return b
}

// assertEmpty fails when the space still counts something or left a file behind.
func assertEmpty(t *testing.T, s *Space) {
	t.Helper()
	if memory, disk := s.memory.used.Load(), s.disk.used.Load(); memory != 0 || disk != 0 {
		t.Errorf("still counted: %d bytes of memory, %d of disk", memory, disk)
	}
	if files, err := os.ReadDir(s.cfg.Dir); err != nil || len(files) > 0 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

func TestBodyReadsBackWhatWasSent(t *testing.T) {
	for name, tc := range map[string]struct {
		size   int
		cfg    Config
		onDisk bool
	}{
		"an empty body holds nothing":           {size: 0},
		"a small body is one piece":             {size: 700},
		"exactly one chunk":                     {size: chunkSize},
		"one byte over a chunk":                 {size: chunkSize + 1},
		"a body within memory stays there":      {size: 1 << 20},
		"a large body goes on to disk":          {size: 3<<20 + 17, onDisk: true},
		"a full space sends all of it to disk":  {size: 5000, cfg: Config{MaxMemory: 1}, onDisk: true},
		"a space of two chunks shares the load": {size: 100_000, cfg: Config{MaxMemory: 2 * chunkSize}, onDisk: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, want := newSpace(t, tc.cfg), randomBytes(tc.size)
			b, err := s.ReadBody(iotest.HalfReader(bytes.NewReader(want)), -1)
			if err != nil {
				t.Fatal(err)
			}
			if b.Len() != int64(tc.size) || (b.file != nil) != tc.onDisk {
				t.Errorf("length %d, on disk %v; want %d, %v", b.Len(), b.file != nil, tc.size, tc.onDisk)
			}
			for range 2 {
				if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, want) {
					t.Errorf("read: %d bytes, %v", len(got), err)
				}
				b.Rewind()
				var out bytes.Buffer
				if n, err := b.WriteTo(&out); err != nil || n != int64(tc.size) || !bytes.Equal(out.Bytes(), want) {
					t.Errorf("write: %d bytes, %v", n, err)
				}
				b.Rewind()
			}
			if err := errors.Join(b.Close(), b.Close()); err != nil {
				t.Errorf("close twice: %v", err)
			}
			assertEmpty(t, s)
		})
	}
}

func TestBodyIsOnePieceWhenItFits(t *testing.T) {
	s := newSpace(t, Config{})
	for size, want := range map[int]bool{0: true, 1: true, chunkSize: true, chunkSize + 1: false} {
		b, err := s.ReadBody(bytes.NewReader(randomBytes(size)), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if piece, whole := b.Bytes(); whole != want || whole && len(piece) != size {
			t.Errorf("%d bytes: got %d in one piece, %v", size, len(piece), whole)
		}
		_ = b.Close()
	}
}

func TestBodyRefusals(t *testing.T) {
	broken := errors.New("connection reset")
	for name, tc := range map[string]struct {
		cfg      Config
		src      io.Reader
		declared int64
		want     error
	}{
		"declared too large is refused unread": {Config{}, iotest.ErrReader(broken), 128<<20 + 1, ErrTooLarge},
		"too large in memory":                  {Config{MaxBody: 10}, bytes.NewReader(make([]byte, 11)), -1, ErrTooLarge},
		"too large on disk":                    {Config{MaxBody: 2 << 20}, bytes.NewReader(make([]byte, 2<<20+1)), -1, ErrTooLarge},
		"no disk left":                         {Config{MaxDisk: 1 << 20}, bytes.NewReader(make([]byte, 3<<20)), -1, ErrNoSpace},
		"a client that breaks off":             {Config{}, io.MultiReader(bytes.NewReader(make([]byte, 50)), iotest.ErrReader(broken)), -1, broken},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t, tc.cfg)
			if b, err := s.ReadBody(tc.src, tc.declared); b != nil || !errors.Is(err, tc.want) {
				t.Errorf("got %v, %v; want %v", b, err, tc.want)
			}
			assertEmpty(t, s)
		})
	}
}

func TestABoundOfTheCallersOwn(t *testing.T) {
	s := newSpace(t, Config{MaxBody: 1000})
	for limit, fits := range map[int64]bool{0: false, 500: false, 1999: false, 2000: true, 5000: true} {
		b, err := s.ReadBodyWithin(bytes.NewReader(make([]byte, 2000)), -1, limit)
		if (err == nil) != fits {
			t.Errorf("2000 bytes within %d: %v", limit, err)
		}
		if b != nil {
			_ = b.Close()
		}
	}
	assertEmpty(t, s)
}

func TestNoFolderIsAnErrorAtTheStart(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: file}); err == nil {
		t.Error("a file in place of the folder was accepted")
	}
}

func BenchmarkSmallBody(b *testing.B) {
	s, content := newSpace(b, Config{}), randomBytes(700)
	src := bytes.NewReader(nil)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(content)
		body, err := s.ReadBody(src, 700)
		if err != nil {
			b.Fatal(err)
		}
		_ = body.Close()
	}
}
