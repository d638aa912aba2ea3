package upstream

import (
	"bufio"
	"sync"
)

// Sizes of what the hot path borrows.
const (
	smallAnswer = 32 << 10 // an answer up to here goes through one buffer, without a goroutine
	readerSize  = 4 << 10  // holds most heads in one read
	headSize    = 12 << 10 // a request's head, and a short body behind it
	frameSize   = 16 << 10 // while a socket's payload moves
)

// buffers are the pools of memory that requests borrow.
type buffers struct {
	readers sync.Pool // *bufio.Reader
	heads   sync.Pool // *[]byte, of request heads
	answers sync.Pool // *[smallAnswer]byte
	frames  sync.Pool // *[frameSize]byte
}

func newBuffers() buffers {
	return buffers{
		readers: sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readerSize) }},
		heads:   sync.Pool{New: func() any { b := make([]byte, 0, headSize); return &b }},
		answers: sync.Pool{New: func() any { return new([smallAnswer]byte) }},
		frames:  sync.Pool{New: func() any { return new([frameSize]byte) }},
	}
}
