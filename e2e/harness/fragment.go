package harness

import (
	"net"
)

// Fragmented cuts the first TLS record that is written (the ClientHello) into records of a
// few bytes, each in a packet of its own. That is legal, and has fooled servers that look
// for the server name in the first packet only.
type Fragmented struct {
	net.Conn
	done bool
}

// Write cuts the first record.
func (f *Fragmented) Write(p []byte) (int, error) {
	const header, piece = 5, 11
	if f.done || len(p) < header {
		return f.Conn.Write(p)
	}
	f.done = true
	for at := header; at < len(p); at += piece {
		body := p[at:min(at+piece, len(p))]
		record := append([]byte{p[0], p[1], p[2], 0, byte(len(body))}, body...)
		if _, err := f.Conn.Write(record); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
