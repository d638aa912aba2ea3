package upstream

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// Close codes (RFC 6455 section 7.4). The gateway never sends 1000: Odoo's browser code does
// not come back after it; nor 4002, which is Odoo's own word.
const (
	closeGoingAway = 1001
	closeProtocol  = 1002
	closeNone      = 1006 // never on the wire: the connection ended without a close frame
	closeRestart   = 1012
)

const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xA

	maxHeader  = 14       // of a frame: two bytes, eight of length, four of mask
	maxControl = 125      // payload of a control frame
	maxFrame   = 64 << 20 // Odoo takes messages up to 1 MiB and says so itself (1009)
)

// What is wrong with a frame. Each ends the socket with 1002.
var (
	errReserved  = errors.New("reserved bits set")
	errOpcode    = errors.New("unknown opcode")
	errControl   = errors.New("control frame too long or fragmented")
	errFragments = errors.New("fragments out of order")
	errMask      = errors.New("mask on the wrong side")
	errLength    = errors.New("frame too long")
)

// frames follows the frames of one direction of a socket. It reads headers only and touches
// no payload, but for the code in a close frame.
type frames struct {
	masked     bool // clients must mask, servers must not
	compressed bool // permessage-deflate was agreed on

	left    uint64 // payload still to come of the current frame
	open    bool   // a fragmented message is not finished
	closing bool   // the current or last frame is a close frame
	mask    [4]byte
	seen    int // payload bytes of the close frame so far
	code    int // the close frame's, once seen
}

// atBoundary says whether the next byte begins a frame: only there another may be put in.
func (f *frames) atBoundary() bool { return f.left == 0 }

// closed says whether a whole close frame has passed; nothing counts after it.
func (f *frames) closed() bool { return f.closing && f.left == 0 }

// scan says how much of p may be passed on: whole headers, and payload up to the end of p.
// What it leaves is part of a header and must come again with more behind it, or follows a
// close frame, or an error. With single it stops after one frame.
func (f *frames) scan(p []byte, single bool) (int, error) {
	n := 0
	for n < len(p) && !f.closed() {
		if single && n > 0 && f.left == 0 {
			return n, nil
		}
		if f.left > 0 {
			take := int(min(f.left, uint64(len(p)-n)))
			f.payload(p[n : n+take])
			n += take
			continue
		}
		size, err := f.header(p[n:])
		if err != nil || size == 0 {
			return n, err
		}
		n += size
	}
	return n, nil
}

// header reads a frame's header; size is 0 when it is not whole yet.
func (f *frames) header(p []byte) (size int, err error) {
	if len(p) < 2 {
		return 0, nil
	}
	fin, op, masked := p[0]&0x80 != 0, p[0]&0x0F, p[1]&0x80 != 0
	short := uint64(p[1] & 0x7F)
	if err := f.check(p[0], fin, op, masked, short); err != nil {
		return 0, err
	}
	size = 2
	switch short {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	maskAt := size
	if masked {
		size += 4
	}
	if len(p) < size {
		return 0, nil
	}
	length := short
	switch short {
	case 126:
		length = uint64(binary.BigEndian.Uint16(p[2:]))
	case 127:
		length = binary.BigEndian.Uint64(p[2:])
	}
	if length > maxFrame {
		return 0, errLength
	}
	f.begin(fin, op, length)
	if masked {
		copy(f.mask[:], p[maskAt:])
	}
	return size, nil
}

func (f *frames) check(first byte, fin bool, op byte, masked bool, short uint64) error {
	control := op >= opClose
	switch {
	case first&0x70 != 0 && !(first&0x70 == 0x40 && f.compressed && (op == opText || op == opBinary)):
		return errReserved // RSV1 marks a compressed message in its first frame, nothing else
	case op > opBinary && !control, op > opPong:
		return errOpcode
	case masked != f.masked:
		return errMask
	case control && (!fin || short > maxControl):
		return errControl
	case !control && (op == opContinue) != f.open:
		return errFragments
	}
	return nil
}

func (f *frames) begin(fin bool, op byte, length uint64) {
	f.left = length
	if op < opClose {
		f.open = !fin
	}
	if op == opClose {
		f.closing, f.seen, f.code = true, 0, 1005 // no code given
	}
}

func (f *frames) payload(p []byte) {
	f.left -= uint64(len(p))
	if !f.closing {
		return
	}
	for _, c := range p {
		if f.masked {
			c ^= f.mask[f.seen%4]
		}
		switch f.seen {
		case 0:
			f.code = int(c) << 8
		case 1:
			f.code |= int(c)
		}
		f.seen++
	}
}

// closeFrame makes a close frame; towards Odoo it must be masked, as a client's.
func closeFrame(code int, reason string, masked bool) []byte {
	reason = reason[:min(len(reason), maxControl-2)]
	b := []byte{0x80 | opClose, byte(2 + len(reason))}
	if masked {
		b[1] |= 0x80
		b = binary.BigEndian.AppendUint32(b, rand.Uint32()) // the mask protects old proxies, not secrets
	}
	at := len(b)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	b = append(b, reason...)
	if masked {
		for i := range b[at:] {
			b[at+i] ^= b[at-4+i%4]
		}
	}
	return b
}
