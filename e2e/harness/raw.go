package harness

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// quiet is how long a connection must stay silent after an answer to count as open with
// nothing more to say. A slower answer is missed, never invented.
const quiet = 400 * time.Millisecond

// Answer is one parsed response.
type Answer struct {
	Status int
	Proto  string
	Header http.Header
	Body   []byte
}

// Exchange is what came back for the bytes that were sent.
type Exchange struct {
	Answers []Answer // final answers; 1xx are in Interim
	Interim []int
	Closed  bool   // the server ended the connection
	Rest    []byte // bytes that are no HTTP response
}

// Status is the first answer's status; 0 when the connection just ended.
func (e Exchange) Status() int {
	if len(e.Answers) == 0 {
		return 0
	}
	return e.Answers[0].Status
}

// Body is the first answer's body.
func (e Exchange) Body() string {
	if len(e.Answers) == 0 {
		return ""
	}
	return string(e.Answers[0].Body)
}

// Statuses lists every answer's status.
func (e Exchange) Statuses() []int {
	all := make([]int, len(e.Answers))
	for i, a := range e.Answers {
		all[i] = a.Status
	}
	return all
}

// String is for messages.
func (e Exchange) String() string {
	return fmt.Sprintf("answers %v, interim %v, closed %v, rest %.200q, body %.400q", e.Statuses(), e.Interim, e.Closed, e.Rest, e.Body())
}

// Raw sends the bytes over TCP as they are and reads what comes back until the server
// closes or is silent.
func Raw(t testing.TB, addr, payload string) Exchange {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return exchange(t, conn, payload)
}

// RawTLS is Raw over TLS; config names the server, or not.
func RawTLS(t testing.TB, addr string, config *tls.Config, payload string) Exchange {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: Patience}, "tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return exchange(t, conn, payload)
}

func exchange(t testing.TB, conn net.Conn, payload string) Exchange {
	t.Helper()
	// The server may refuse before it has read everything: writing goes on beside reading.
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = io.WriteString(conn, payload)
	}()
	e := ReadExchange(conn, firstMethod(payload))
	conn.Close()
	<-wrote
	return e
}

func firstMethod(payload string) string {
	method, _, _ := strings.Cut(payload, " ")
	return method
}

// ReadExchange reads answers until the connection ends or is silent.
func ReadExchange(conn net.Conn, method string) Exchange {
	var e Exchange
	reader := bufio.NewReaderSize(conn, 64<<10)
	wait := Patience
	for {
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		if _, err := reader.Peek(1); err != nil {
			e.Closed = !errors.Is(err, os.ErrDeadlineExceeded)
			return e
		}
		_ = conn.SetReadDeadline(time.Now().Add(Patience))
		if start, _ := reader.Peek(5); !bytes.Equal(start, []byte("HTTP/")) {
			e.Rest, e.Closed = rest(conn, reader)
			return e
		}
		answer, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			e.Rest, e.Closed = []byte(err.Error()), true
			return e
		}
		if answer.StatusCode < 200 && answer.StatusCode != http.StatusSwitchingProtocols {
			e.Interim = append(e.Interim, answer.StatusCode)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		e.Answers = append(e.Answers, Answer{Status: answer.StatusCode, Proto: answer.Proto, Header: answer.Header, Body: body})
		if err != nil {
			e.Closed = true
			return e
		}
		wait, method = quiet, http.MethodGet
	}
}

func rest(conn net.Conn, reader *bufio.Reader) ([]byte, bool) {
	_ = conn.SetReadDeadline(time.Now().Add(quiet))
	all, err := io.ReadAll(reader)
	return all, !errors.Is(err, os.ErrDeadlineExceeded)
}

// RawHalf sends the bytes, says that it sends no more, and reads on.
func RawHalf(t testing.TB, addr, payload string) Exchange {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, payload); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	return ReadExchange(conn, firstMethod(payload))
}
