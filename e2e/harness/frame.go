package harness

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// maxFrame bounds what the recorder takes as one frame.
const maxFrame = 1 << 20

// echoFrame reads one frame of a websocket client and sends it back without its mask. A
// close frame ends it, as does anything that is no frame of a client.
func echoFrame(w io.Writer, r *bufio.Reader) error {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if head[0]&0x70 != 0 || head[1]&0x80 == 0 {
		return errors.New("no frame of a client")
	}
	length, back := uint64(head[1]&0x7f), []byte{head[0], head[1] & 0x7f}
	if extended := map[uint64]int{126: 2, 127: 8}[length]; extended > 0 {
		var size [8]byte
		if _, err := io.ReadFull(r, size[8-extended:]); err != nil {
			return err
		}
		length, back = binary.BigEndian.Uint64(size[:]), append(back, size[8-extended:]...)
	}
	if length > maxFrame {
		return errors.New("frame too large")
	}
	payload := make([]byte, 4+length) // the mask, then what it masks
	if _, err := io.ReadFull(r, payload); err != nil {
		return err
	}
	mask, payload := payload[:4], payload[4:]
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	if _, err := w.Write(append(back, payload...)); err != nil {
		return err
	}
	if head[0]&0x0f == 8 {
		return io.EOF
	}
	return nil
}
