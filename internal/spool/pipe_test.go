package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fill starts the writer of a pipe and returns a function that waits for its end.
func fill(p *Pipe, src io.Reader) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		_, err := p.ReadFrom(src)
		p.CloseWrite(err)
		done <- err
	}()
	return func() error { return <-done }
}

func drain(p *Pipe) ([]byte, error) {
	var all []byte
	for {
		b, err := p.Next(nil)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, b...)
	}
}

func TestPipeCarriesEveryByteInOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		size int
		cfg  Config
	}{
		"an empty answer":                                  {0, Config{}},
		"a small answer":                                   {500, Config{}},
		"a large one through memory":                       {900_000, Config{}},
		"a larger one through disk":                        {5<<20 + 3, Config{}},
		"one through a space without memory":               {3 << 20, Config{MaxMemory: 1}},
		"one through a space without memory or disk":       {3 << 20, Config{MaxMemory: 1, MaxDisk: 1}},
		"one beyond memory and disk makes its writer wait": {6 << 20, Config{PipeMemory: 64 << 10, PipeDisk: 256 << 10}},
	} {
		for kind, reader := range map[string]func(io.Reader) io.Reader{
			"whole reads":            func(r io.Reader) io.Reader { return r },
			"half reads":             iotest.HalfReader,
			"last read with the end": iotest.DataErrReader,
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				s, want := newSpace(t, tc.cfg), randomBytes(tc.size)
				p := s.Pipe()
				wait := fill(p, reader(bytes.NewReader(want)))
				got, err := drain(p)
				if werr := wait(); err != nil || werr != nil || !bytes.Equal(got, want) {
					t.Errorf("%d of %d bytes; reader %v, writer %v", len(got), len(want), err, werr)
				}
				if p.Received() != int64(tc.size) {
					t.Errorf("received %d, want %d", p.Received(), tc.size)
				}
				p.Close()
				assertEmpty(t, s)
			})
		}
	}
}

func TestPipeWriterIsDoneBeforeTheReaderBegins(t *testing.T) {
	s, want := newSpace(t, Config{}), randomBytes(20<<20)
	p := s.Pipe()
	if err := fill(p, bytes.NewReader(want))(); err != nil {
		t.Fatal(err)
	}
	if memory := s.memory.used.Load(); memory > s.cfg.PipeMemory {
		t.Errorf("holds %d bytes in memory, want at most %d", memory, s.cfg.PipeMemory)
	}
	if got, err := drain(p); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	p.Close()
	assertEmpty(t, s)
}

func TestPipeGivesTheBytesBeforeTheError(t *testing.T) {
	s, broken := newSpace(t, Config{}), errors.New("truncated")
	p := s.Pipe()
	wait := fill(p, io.MultiReader(bytes.NewReader(randomBytes(100_000)), iotest.ErrReader(broken)))
	got, err := drain(p)
	if len(got) != 100_000 || !errors.Is(err, broken) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	_ = wait()
	p.Close()
	assertEmpty(t, s)
}

func TestPipeWriterStopsWhenTheReaderLeaves(t *testing.T) {
	s := newSpace(t, Config{PipeMemory: chunkSize, PipeDisk: 1})
	p := s.Pipe()
	wait := fill(p, bytes.NewReader(randomBytes(1<<20))) // more than it may hold: it waits
	if _, err := p.Next(nil); err != nil {
		t.Fatal(err)
	}
	p.CloseRead()
	if err := wait(); !errors.Is(err, errReaderGone) {
		t.Errorf("got %v", err)
	}
	p.Close()
	assertEmpty(t, s)
}

func TestPipeCallsIdleOnceBeforeItWaits(t *testing.T) {
	s := newSpace(t, Config{})
	p := s.Pipe()
	idled := make(chan struct{}, 10)
	go func() {
		<-idled
		_, _ = p.Write([]byte("late"))
		p.CloseWrite(nil)
	}()
	b, err := p.Next(func() { idled <- struct{}{} })
	if err != nil || string(b) != "late" || len(idled) != 0 {
		t.Errorf("got %q, %v, %d more calls", b, err, len(idled))
	}
	if _, err := p.Next(nil); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	p.Close()
}

// A reader of changing speed makes the pipe go from memory to disk and back many times.
func TestPipeSurvivesChangingSpeeds(t *testing.T) {
	s := newSpace(t, Config{PipeMemory: 2 * chunkSize, PipeDisk: 1 << 20})
	want := randomBytes(24 << 20)
	p := s.Pipe()
	wait := fill(p, bytes.NewReader(want))
	chance := rand.New(rand.NewPCG(1, 2))
	var got []byte
	for {
		b, err := p.Next(nil)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
		if chance.IntN(20) == 0 {
			<-time.After(time.Millisecond)
		}
	}
	if err := wait(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
	p.Close()
	assertEmpty(t, s)
}
