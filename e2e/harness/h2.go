package harness

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// H2 is an HTTP/2 connection on which any frame can be sent.
type H2 struct {
	*http2.Framer
	Conn net.Conn

	encoder *hpack.Encoder
	block   bytes.Buffer
}

// DialH2 opens a TLS connection, sends the preface and empty settings, and acknowledges
// the server's.
func DialH2(t testing.TB, addr, serverName string) *H2 {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: Patience}, "tcp", addr,
		&tls.Config{ServerName: serverName, NextProtos: []string{"h2"}, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if got := conn.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Fatalf("negotiated %q, want h2", got)
	}
	h := &H2{Conn: conn, Framer: http2.NewFramer(conn, conn)}
	h.encoder = hpack.NewEncoder(&h.block)
	h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return h
}

// Block encodes header fields, name and value in turn.
func (h *H2) Block(fields ...string) []byte {
	h.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = h.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(h.block.Bytes())
}

// Send opens a stream with the fields; with a body, in one frame.
func (h *H2) Send(stream uint32, body string, fields ...string) error {
	err := h.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: h.Block(fields...), EndHeaders: true, EndStream: body == "",
	})
	if err == nil && body != "" {
		err = h.WriteData(stream, true, []byte(body))
	}
	return err
}

// H2Answer is how a stream ended: with a status, or with an error of the stream or of the
// connection.
type H2Answer struct {
	Status string
	Reset  string // error code of RST_STREAM
	GoAway string // error code of GOAWAY
	Closed bool   // the connection ended
}

// Refused says whether the request ended without success.
func (a H2Answer) Refused() bool {
	return a.Status == "" || a.Status[0] == '4'
}

// String is for messages.
func (a H2Answer) String() string {
	return fmt.Sprintf("status %q reset %q goaway %q closed %v", a.Status, a.Reset, a.GoAway, a.Closed)
}

// Await reads frames until the stream has an answer.
func (h *H2) Await(stream uint32) H2Answer {
	_ = h.Conn.SetReadDeadline(time.Now().Add(Patience))
	for {
		frame, err := h.ReadFrame()
		if err != nil {
			return H2Answer{Closed: true}
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = h.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				return H2Answer{Status: f.PseudoValue("status")}
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return H2Answer{Reset: f.ErrCode.String()}
			}
		case *http2.GoAwayFrame:
			return H2Answer{GoAway: f.ErrCode.String()}
		}
	}
}
