package standin

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// response writes one answer. It is an [http.ResponseWriter] so that http.ServeContent does
// ranges and conditions for us.
type response struct {
	out        *bufio.Writer
	http10     bool // the worker port answers HTTP/1.0 and closes
	headOnly   bool
	identity   bool // an HTTP/1.0 client: no chunks
	beforeHead func()
	fault      *Rule // a body or head spoilt on demand; nil if not
	abort      func()
	pause      func(time.Duration) error

	header  http.Header
	status  int
	wrote   bool
	chunked bool
	close   bool
	length  int64 // of the body sent
	err     error
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote, w.status = true, status
	if w.beforeHead != nil {
		w.beforeHead()
	}
	w.frameBody()
	if w.fault != nil {
		w.spoilHead()
	}
	proto := "HTTP/1.1 "
	if w.http10 && status != http.StatusSwitchingProtocols {
		proto = "HTTP/1.0 "
	}
	io.WriteString(w.out, proto)
	io.WriteString(w.out, strconv.Itoa(status))
	io.WriteString(w.out, " ")
	io.WriteString(w.out, http.StatusText(status))
	io.WriteString(w.out, "\r\n")
	w.err = w.header.Write(w.out)
	io.WriteString(w.out, "\r\n")
}

// frameBody decides how the end of the body is told: a length, chunks, or the closed connection.
func (w *response) frameBody() {
	h := w.header
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if w.status == http.StatusSwitchingProtocols {
		return
	}
	if w.http10 {
		w.close = true
		h.Set("Server", "Werkzeug/2.2.2 Python/3.11.2")
	}
	bodyless := w.status == http.StatusNoContent || w.status == http.StatusNotModified
	if h.Get("Content-Length") == "" && !bodyless && !w.headOnly {
		if w.http10 || w.identity {
			w.close = true
		} else {
			w.chunked = true
			h.Set("Transfer-Encoding", "chunked")
		}
	}
	if w.close {
		h.Set("Connection", "close")
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.err != nil {
		return 0, w.err
	}
	if w.headOnly || len(p) == 0 {
		return len(p), nil
	}
	if w.fault != nil {
		return w.spoilBody(p)
	}
	return w.write(p)
}

func (w *response) write(p []byte) (int, error) {
	if w.chunked {
		fmt.Fprintf(w.out, "%x\r\n", len(p))
	}
	n, err := w.out.Write(p)
	if w.chunked {
		io.WriteString(w.out, "\r\n")
	}
	w.length += int64(n)
	w.err = err
	return n, err
}

func (w *response) flush() {
	if err := w.out.Flush(); err != nil {
		w.err = err
	}
}

// finish ends the answer; the connection may be used again only if it returns true.
func (w *response) finish() bool {
	if !w.wrote {
		w.header.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	}
	if w.chunked && w.err == nil {
		io.WriteString(w.out, "0\r\n")
		w.writeTrailers()
		io.WriteString(w.out, "\r\n")
	}
	w.flush()
	return w.err == nil && !w.close
}

// writeTrailers sends the headers that were set after the head under http.TrailerPrefix.
func (w *response) writeTrailers() {
	trailers := http.Header{}
	for name, values := range w.header {
		if rest, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			trailers[http.CanonicalHeaderKey(rest)] = values
		}
	}
	if err := trailers.Write(w.out); err != nil {
		w.err = err
	}
}
