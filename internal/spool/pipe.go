package spool

import (
	"errors"
	"io"
	"sync"
)

// errReaderGone ends the writer's side of a pipe whose reader has left.
var errReaderGone = errors.New("reader gone")

// Pipe carries an answer from one goroutine to another. Writes succeed at once while memory
// or disk has room, and wait for the reader beyond that. ReadFrom, Write and CloseWrite are
// the writer's, Next and CloseRead the reader's; Close frees everything once both are done.
type Pipe struct {
	space *Space

	mu   sync.Mutex
	cond sync.Cond // something came, left or ended

	queue    []*piece // in memory, oldest first
	disk     overflow // what comes after the queue
	err      error    // how the writer ended; io.EOF when all is well
	gone     bool     // the reader has left
	scratch  *chunk   // the reader's, for what comes from disk
	lent     *piece   // what Next gave out of the queue
	received int64
}

// piece is a chunk with the part that was written and not yet read.
type piece struct {
	chunk    *chunk
	from, to int
}

func (p *piece) full() bool  { return p.to == chunkSize }
func (p *piece) empty() bool { return p.from == p.to }

// Pipe returns an empty pipe.
func (s *Space) Pipe() *Pipe {
	p := &Pipe{space: s, disk: overflow{space: s}}
	p.cond.L = &p.mu
	return p
}

// Received is how many bytes the writer has put in.
func (p *Pipe) Received() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.received
}

// CloseWrite ends the writer's side: with io.EOF when the answer is whole, with the reason
// otherwise. The reader gets it after the bytes before it.
func (p *Pipe) CloseWrite(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err == nil {
		p.err = io.EOF
	}
	p.cond.Broadcast()
}

// CloseRead ends the reader's side: a waiting writer returns with an error.
func (p *Pipe) CloseRead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.cond.Broadcast()
}

// Close frees the pipe. Both sides must have ended.
func (p *Pipe) Close() {
	for _, piece := range p.queue {
		p.space.giveChunk(piece.chunk)
	}
	p.queue = nil
	if p.scratch != nil {
		p.space.giveChunk(p.scratch)
		p.scratch = nil
	}
	p.disk.close()
}

// Next waits for bytes and returns them; they are valid until the next call. At the end it
// returns what CloseWrite was given. Before it waits it calls idle, so that what the caller
// holds back for a fuller packet is not held back for a slow writer.
func (p *Pipe) Next(idle func()) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reclaim()
	for waited := false; ; waited = true {
		if len(p.queue) > 0 && !p.queue[0].empty() {
			p.lent = p.queue[0]
			return p.lent.chunk[p.lent.from:p.lent.to], p.lend()
		}
		if p.disk.unread() > 0 {
			return p.nextFromDisk()
		}
		if p.err != nil {
			return nil, p.err
		}
		if !waited && idle != nil {
			p.mu.Unlock()
			idle()
			p.mu.Lock()
			continue
		}
		p.cond.Wait()
	}
}

// lend marks all of the lent piece as read. It returns nil, for the caller's return.
func (p *Pipe) lend() error {
	p.lent.from = p.lent.to
	return nil
}

// reclaim takes back what Next lent out. A piece that is not full stays: the writer may be
// reading into the rest of it.
func (p *Pipe) reclaim() {
	if p.lent == nil {
		return
	}
	if p.lent.full() && p.lent.empty() {
		p.space.giveChunk(p.lent.chunk)
		p.queue[0] = nil
		p.queue = p.queue[1:]
		p.cond.Broadcast()
	}
	p.lent = nil
}

func (p *Pipe) nextFromDisk() ([]byte, error) {
	if p.scratch == nil {
		p.scratch = p.space.forceChunk()
	}
	n, err := p.disk.read(p.scratch[:])
	if p.disk.unread() == 0 {
		p.cond.Broadcast()
	}
	return p.scratch[:n], err
}

// ReadFrom fills the pipe from src until src ends. It reads straight into the pipe's memory
// where it can.
func (p *Pipe) ReadFrom(src io.Reader) (int64, error) {
	var total int64
	for {
		tail, err := p.tail()
		if err != nil {
			return total, err
		}
		var n int
		if tail == nil {
			n, err = p.copyFrom(src)
		} else {
			n, err = src.Read(tail.chunk[tail.to:])
			p.grow(tail, n)
		}
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (p *Pipe) grow(tail *piece, n int) {
	if n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	tail.to += n
	p.received += int64(n)
	p.cond.Broadcast()
}

// copyFrom reads once into memory of its own and puts that into the pipe.
func (p *Pipe) copyFrom(src io.Reader) (int, error) {
	scratch := p.space.chunks.Get().(*chunk)
	defer p.space.chunks.Put(scratch)
	n, err := src.Read(scratch[:])
	if _, werr := p.Write(scratch[:n]); werr != nil {
		return n, werr
	}
	return n, err
}

// Write puts b into the pipe, and waits when there is room nowhere.
func (p *Pipe) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		n, err := p.put(b[written:])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// put puts what it can of b where the next bytes belong.
func (p *Pipe) put(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for counted := false; ; counted = true {
		if p.gone {
			return 0, errReaderGone
		}
		if tail := p.memoryTail(); tail != nil {
			n := copy(tail.chunk[tail.to:], b)
			tail.to += n
			p.received += int64(n)
			p.cond.Broadcast()
			return n, nil
		}
		if p.disk.write(b) {
			p.received += int64(len(b))
			p.cond.Broadcast()
			return len(b), nil
		}
		if !counted {
			p.space.metrics.waits.Inc()
		}
		p.cond.Wait()
	}
}

// tail is the piece that the writer may read into, nil when the next bytes go elsewhere.
func (p *Pipe) tail() (*piece, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, errReaderGone
	}
	return p.memoryTail(), nil
}

// memoryTail is the piece at the end of the queue with room in it, nil when memory is full
// or bytes on disk come first. A pipe always has the right to one piece: with that alone
// it still moves, however full the space is.
func (p *Pipe) memoryTail() *piece {
	if p.disk.unread() > 0 {
		return nil
	}
	if n := len(p.queue); n > 0 && !p.queue[n-1].full() {
		return p.queue[n-1]
	}
	var c *chunk
	switch {
	case len(p.queue) == 0:
		c = p.space.forceChunk()
	case int64(len(p.queue))*chunkSize < p.space.cfg.PipeMemory:
		c = p.space.takeChunk()
	}
	if c == nil {
		return nil
	}
	fresh := &piece{chunk: c}
	p.queue = append(p.queue, fresh)
	return fresh
}
