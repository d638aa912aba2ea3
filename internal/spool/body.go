package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Body is a request body in hand. It reads like the body of an *http.Request, any number of
// times, and is closed by whoever made it. It is not for concurrent use.
type Body struct {
	space  *Space
	first  [1]*chunk // the common case needs no slice of its own
	chunks []*chunk
	memory int64 // bytes in chunks
	file   *os.File
	onDisk int64
	limit  int64

	at int64 // of Read
}

// ReadBody reads src to its end. length is what the client declared, -1 when it did not;
// a body that is declared too large is refused before a byte is read.
func (s *Space) ReadBody(src io.Reader, length int64) (*Body, error) {
	return s.ReadBodyWithin(src, length, 0)
}

// ReadBodyWithin is ReadBody with a bound of the caller's own instead of Config.MaxBody; 0
// takes that one.
func (s *Space) ReadBodyWithin(src io.Reader, length, limit int64) (*Body, error) {
	if limit <= 0 {
		limit = s.cfg.MaxBody
	}
	b := &Body{space: s, limit: limit}
	if length == 0 || src == nil {
		return b, nil
	}
	err := ErrTooLarge
	if length <= limit {
		err = b.fill(src)
	}
	if err != nil {
		_ = b.Close()
		s.refuse(err)
		return nil, err
	}
	return b, nil
}

func (s *Space) refuse(err error) {
	switch {
	case errors.Is(err, ErrTooLarge):
		s.metrics.refused.WithLabelValues("too_large").Inc()
	case errors.Is(err, ErrNoSpace):
		s.metrics.refused.WithLabelValues("no_space").Inc()
	}
}

func (b *Body) fill(src io.Reader) error {
	for {
		room := b.room()
		if room == nil {
			return b.fillFile(src)
		}
		n, err := src.Read(room)
		b.memory += int64(n)
		if b.memory > b.limit {
			return ErrTooLarge
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
	}
}

// room is free memory at the end of the body, nil when the rest must go to disk.
func (b *Body) room() []byte {
	used := int(b.memory) - (len(b.chunks)-1)*chunkSize // of the last chunk
	if len(b.chunks) > 0 && used < chunkSize {
		return b.chunks[len(b.chunks)-1][used:]
	}
	if b.memory >= b.space.cfg.BodyMemory {
		return nil
	}
	c := b.space.takeChunk()
	if c == nil {
		return nil
	}
	if b.chunks == nil {
		b.chunks = b.first[:0]
	}
	b.chunks = append(b.chunks, c)
	return c[:]
}

// fillFile takes the rest of the body to disk.
func (b *Body) fillFile(src io.Reader) error {
	scratch := b.space.chunks.Get().(*chunk)
	defer b.space.chunks.Put(scratch)
	for {
		n, err := src.Read(scratch[:])
		if n > 0 {
			if err := b.writeFile(scratch[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
	}
}

func (b *Body) writeFile(p []byte) error {
	n := int64(len(p))
	if b.Len()+n > b.limit {
		return ErrTooLarge
	}
	if b.file == nil {
		file, err := b.space.newFile()
		if err != nil {
			return errors.Join(ErrNoSpace, err)
		}
		b.file = file
		b.space.metrics.spilled.Inc()
	}
	if !b.space.disk.take(n) {
		return ErrNoSpace
	}
	b.onDisk += n
	if _, err := b.file.WriteAt(p, b.onDisk-n); err != nil {
		return errors.Join(ErrNoSpace, fmt.Errorf("write spool file: %w", err))
	}
	return nil
}

// Len is the body's length.
func (b *Body) Len() int64 { return b.memory + b.onDisk }

// Rewind makes Read and WriteTo begin again.
func (b *Body) Rewind() { b.at = 0 }

// Bytes is the whole body when it lies in one piece, until Close.
func (b *Body) Bytes() ([]byte, bool) {
	switch {
	case b.Len() == 0:
		return nil, true
	case b.memory <= chunkSize && b.file == nil:
		return b.chunks[0][:b.memory], true
	default:
		return nil, false
	}
}

// Read reads on from where the last Read or WriteTo ended.
func (b *Body) Read(p []byte) (int, error) {
	switch {
	case b.at >= b.Len():
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case b.at < b.memory:
		n := copy(p, b.piece())
		b.at += int64(n)
		return n, nil
	}
	if left := b.Len() - b.at; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.file.ReadAt(p, b.at-b.memory)
	b.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("read spool file: %w", err)
}

// piece is what memory holds from b.at on, in one chunk.
func (b *Body) piece() []byte {
	from := b.at % chunkSize
	piece := b.chunks[b.at/chunkSize][from:]
	return piece[:min(int64(len(piece)), b.memory-b.at)]
}

// WriteTo writes the rest of the body to w, from memory without copying.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	start := b.at
	for b.at < b.memory {
		n, err := w.Write(b.piece())
		b.at += int64(n)
		if err != nil {
			return b.at - start, err
		}
	}
	if b.at == b.Len() {
		return b.at - start, nil
	}
	scratch := b.space.chunks.Get().(*chunk)
	defer b.space.chunks.Put(scratch)
	_, err := io.CopyBuffer(writerOnly{w}, readerOnly{b}, scratch[:])
	return b.at - start, err
}

// Close frees what the body holds. It may be called more than once.
func (b *Body) Close() error {
	for _, c := range b.chunks {
		b.space.giveChunk(c)
	}
	b.chunks, b.memory, b.at = nil, 0, 0
	b.space.disk.give(b.onDisk)
	b.onDisk = 0
	if b.file == nil {
		return nil
	}
	file := b.file
	b.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close spool file: %w", err)
	}
	return nil
}

// readerOnly and writerOnly keep io.CopyBuffer to the buffer it is given.
type (
	readerOnly struct{ io.Reader }
	writerOnly struct{ io.Writer }
)
