package standin

import (
	"errors"
	"io"
)

// patternLength is a prime, so that a piece in the wrong place is noticed.
const patternLength = 251

// Pattern is a file of any size whose byte at n is n modulo 251.
type Pattern struct{ size, at int64 }

// NewPattern makes one, to serve it or to compare with what was served.
func NewPattern(size int64) *Pattern { return &Pattern{size: size} }

// Read implements [io.Reader].
func (p *Pattern) Read(b []byte) (int, error) {
	if p.at >= p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-p.at))
	for filled := 0; filled < n; {
		if filled >= patternLength { // what is there already goes on by itself
			filled += copy(b[filled:n], b[:filled-filled%patternLength])
			continue
		}
		b[filled] = byte((p.at + int64(filled)) % patternLength)
		filled++
	}
	p.at += int64(n)
	return n, nil
}

// Seek implements [io.Seeker].
func (p *Pattern) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return 0, errors.New("pattern: seek before its start")
	}
	p.at = offset
	return offset, nil
}
