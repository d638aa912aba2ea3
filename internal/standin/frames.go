package standin

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The opcodes and close codes of RFC 6455, and Odoo's own.
const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xA

	closeClean          = 1000
	closeGoingAway      = 1001
	closeProtocol       = 1002
	closeInconsistent   = 1007
	closeTooBig         = 1009
	closeTryLater       = 1013
	closeSessionExpired = 4001
	closeKeepAlive      = 4002

	maxMessage = 1 << 20
)

// closeError ends a websocket with a code; the code 0 ends it without a close frame.
type closeError struct {
	code   int
	reason string
}

func (e *closeError) Error() string { return fmt.Sprintf("close %d %s", e.code, e.reason) }

type frame struct {
	final   bool
	opcode  byte
	payload []byte
}

// readFrame reads a frame of a client: it must be masked and must use no extension.
func readFrame(in *bufio.Reader) (frame, error) {
	var start [2]byte
	if _, err := io.ReadFull(in, start[:]); err != nil {
		return frame{}, fmt.Errorf("frame: %w", err)
	}
	f := frame{final: start[0]&0x80 != 0, opcode: start[0] & 0x0f}
	if start[0]&0x70 != 0 {
		return f, &closeError{closeProtocol, "Reserved bits must be unset"}
	}
	if start[1]&0x80 == 0 {
		return f, &closeError{closeProtocol, "Frame must be masked"}
	}
	length, err := readLength(in, start[1]&0x7f)
	if err != nil {
		return f, err
	}
	if f.opcode >= opClose && (length > 125 || !f.final) {
		return f, &closeError{closeProtocol, "Control frames must be short and whole"}
	}
	if length > maxMessage {
		return f, &closeError{closeTooBig, ""}
	}
	var mask [4]byte
	if _, err := io.ReadFull(in, mask[:]); err != nil {
		return f, fmt.Errorf("frame: %w", err)
	}
	f.payload = make([]byte, length)
	if _, err := io.ReadFull(in, f.payload); err != nil {
		return f, fmt.Errorf("frame: %w", err)
	}
	for i := range f.payload {
		f.payload[i] ^= mask[i%4]
	}
	return f, nil
}

func readLength(in *bufio.Reader, short byte) (uint64, error) {
	size := map[byte]int{126: 2, 127: 8}[short]
	if size == 0 {
		return uint64(short), nil
	}
	var long [8]byte
	if _, err := io.ReadFull(in, long[8-size:]); err != nil {
		return 0, fmt.Errorf("frame: %w", err)
	}
	return binary.BigEndian.Uint64(long[:]), nil
}

// writeFrame writes a whole message in one frame; a server does not mask.
func writeFrame(out io.Writer, opcode byte, payload []byte) error {
	head := []byte{0x80 | opcode, byte(len(payload))}
	switch {
	case len(payload) > 0xffff:
		head[1] = 127
		head = binary.BigEndian.AppendUint64(head, uint64(len(payload)))
	case len(payload) > 125:
		head[1] = 126
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	}
	if _, err := out.Write(append(head, payload...)); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}

func writeClose(out io.Writer, e *closeError) error {
	payload := binary.BigEndian.AppendUint16(nil, uint16(e.code))
	return writeFrame(out, opClose, append(payload, e.reason...))
}

// closeOf reads the payload of a client's close frame.
func closeOf(payload []byte) *closeError {
	if len(payload) == 0 {
		return &closeError{closeClean, ""}
	}
	if len(payload) < 2 {
		return &closeError{closeProtocol, "Malformed close frame"}
	}
	code := int(binary.BigEndian.Uint16(payload))
	if code < 1000 || code == 1004 || code == 1005 || code == 1006 || code > 1014 && code < 3000 || code > 4999 {
		return &closeError{closeProtocol, "Invalid close code"}
	}
	return &closeError{code, string(payload[2:])}
}

// codeOf returns the close code that an error asks for; a connection that broke has none.
func codeOf(err error) *closeError {
	var coded *closeError
	if errors.As(err, &coded) {
		return coded
	}
	return &closeError{}
}
