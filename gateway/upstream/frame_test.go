package upstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// frame makes one frame, masked like a client's or not.
func frame(fin bool, op byte, payload []byte, masked bool) []byte {
	b := []byte{op, 0}
	if fin {
		b[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	b[1] |= 0x80
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

func text(s string, masked bool) []byte { return frame(true, opText, []byte(s), masked) }

func TestFramesAreFollowedHoweverTheyAreCut(t *testing.T) {
	for name, masked := range map[string]bool{"from a client": true, "from Odoo": false} {
		t.Run(name, func(t *testing.T) {
			stream := bytes.Join([][]byte{
				text("", masked), text("short", masked),
				frame(false, opText, []byte("frag"), masked), frame(true, opPing, []byte("in between"), masked),
				frame(true, opContinue, []byte("ments"), masked),
				frame(true, opBinary, make([]byte, 300), masked), frame(true, opBinary, make([]byte, 70_000), masked),
			}, nil)
			goodbye := closeFrame(4001, "bye", masked)
			for _, step := range []int{1, 2, 3, 7, 13, 1000, 1 << 20} {
				f := frames{masked: masked}
				var held, passed []byte
				for in := append(append([]byte(nil), stream...), goodbye...); len(in) > 0; {
					n := min(step, len(in))
					held, in = append(held, in[:n]...), in[n:]
					n, err := f.scan(held, false)
					if err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
					passed, held = append(passed, held[:n]...), held[n:]
					if len(held) >= maxHeader {
						t.Fatalf("step %d: %d bytes held back", step, len(held))
					}
				}
				if len(held) > 0 || len(passed) != len(stream)+len(goodbye) || !f.closed() || f.code != 4001 {
					t.Errorf("step %d: %d passed, %d held, closed %v with %d", step, len(passed), len(held), f.closed(), f.code)
				}
			}
		})
	}
}

func TestBrokenFramesAreFound(t *testing.T) {
	whole := text("x", true)
	for name, tc := range map[string]struct {
		in   []byte
		want error
	}{
		"reserved bits":                   {append([]byte{0xC1}, whole[1:]...), errReserved},
		"an unknown data opcode":          {frame(true, 0x3, nil, true), errOpcode},
		"an unknown control opcode":       {frame(true, 0xB, nil, true), errOpcode},
		"no mask from a client":           {text("x", false), errMask},
		"a fragmented ping":               {frame(false, opPing, nil, true), errControl},
		"a long ping":                     {frame(true, opPing, make([]byte, 126), true), errControl},
		"a continuation of nothing":       {frame(true, opContinue, nil, true), errFragments},
		"a new message inside a fragment": {append(frame(false, opText, nil, true), whole...), errFragments},
		"a length beyond all":             {[]byte{0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}, errLength},
		"a length that is too much":       {[]byte{0x82, 0xFF, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0}, errLength},
	} {
		t.Run(name, func(t *testing.T) {
			in := append(append([]byte(nil), whole...), tc.in...)
			f := frames{masked: true}
			n, err := f.scan(in, false)
			if !errors.Is(err, tc.want) || n < len(whole) || !f.atBoundary() {
				t.Errorf("got %d, %v, boundary %v; want %v after the whole frame", n, err, f.atBoundary(), tc.want)
			}
		})
	}
}

func TestNothingPassesAfterAClose(t *testing.T) {
	f := frames{}
	goodbye := closeFrame(closeRestart, "restart", false)
	if n, err := f.scan(append(append([]byte(nil), goodbye...), text("late", false)...), false); n != len(goodbye) || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if f.code != closeRestart {
		t.Errorf("code %d", f.code)
	}
	var bare frames
	if n, err := bare.scan([]byte{0x88, 0}, true); n != 2 || err != nil || !bare.closed() || bare.code != 1005 {
		t.Errorf("a bare close: %d, %v, code %d", n, err, bare.code)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(text("hello", true), true, 3)
	f.Add(closeFrame(1000, "x", false), false, 1)
	f.Fuzz(func(t *testing.T, in []byte, masked bool, step int) {
		step = 1 + int(uint(step)%64)
		atOnce, inSteps := frames{masked: masked}, frames{masked: masked}
		whole, errWhole := atOnce.scan(in, false)
		var passed int
		var err error
		for end := 0; end < len(in) && err == nil; {
			end = min(end+step, len(in))
			var n int
			n, err = inSteps.scan(in[passed:end], step%2 == 0)
			passed += n
			if inSteps.closed() {
				break
			}
		}
		if passed != whole || (err == nil) != (errWhole == nil) {
			t.Errorf("at once %d, %v; in steps of %d: %d, %v", whole, errWhole, step, passed, err)
		}
	})
}
