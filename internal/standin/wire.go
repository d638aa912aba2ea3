package standin

import (
	"bufio"
	"errors"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"
)

// The limits of Python's http.server.
const (
	maxLine    = 65536
	maxHeaders = 100
)

var (
	errLineTooLong    = errors.New("request line too long")
	errHeadersTooMany = errors.New("too many headers")
	errMalformed      = errors.New("malformed request")
	errClientLeft     = errors.New("client left")
)

type field struct{ name, value string }

// head is what comes before a request body, in the order of arrival: which of two headers
// came last decides in a WSGI server, so a map would not do.
type head struct {
	method, target, proto string
	fields                []field
}

func readHead(in *bufio.Reader, h *head) error {
	h.fields = h.fields[:0]
	line, err := readLine(in)
	for err == nil && line == "" { // empty lines before a request are skipped
		line, err = readLine(in)
	}
	if err != nil {
		return err
	}
	method, rest, ok := strings.Cut(line, " ")
	target, proto, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || method == "" || target == "" || !strings.HasPrefix(proto, "HTTP/1.") {
		return errMalformed
	}
	h.method, h.target, h.proto = method, target, proto
	return h.readFields(in)
}

// readFields stops at the first line that is no header, as Python's email parser does: what
// follows it counts as body.
func (h *head) readFields(in *bufio.Reader) error {
	for {
		line, err := readLine(in)
		if err != nil || line == "" {
			return err
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(h.fields); n > 0 {
				h.fields[n-1].value += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return errMalformed
		}
		if len(h.fields) == maxHeaders {
			return errHeadersTooMany
		}
		h.fields = append(h.fields, field{name, strings.Trim(value, " \t")})
	}
}

// readLine returns a line without its end; a lone line feed ends a line too.
func readLine(in *bufio.Reader) (string, error) {
	slice, err := in.ReadSlice('\n')
	if err == nil {
		return strings.TrimSuffix(string(slice[:len(slice)-1]), "\r"), nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return "", err
	}
	long := []byte(string(slice))
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(long) > maxLine {
			return "", errLineTooLong
		}
		slice, err = in.ReadSlice('\n')
		long = append(long, slice...)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(long), "\r\n"), nil
}

// get returns the first value of a header; names compare without case.
func (h *head) get(name string) string {
	for _, f := range h.fields {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// frame delimits what follows the head: chunked wins over a length, the last length over the
// ones before it, and a length that is no number counts as none.
func (h *head) frame(in *bufio.Reader) (body io.Reader, length int64) {
	length = 0
	for _, f := range h.fields {
		switch {
		case strings.EqualFold(f.name, "Transfer-Encoding"):
			if strings.EqualFold(f.value, "chunked") {
				return &chunkedBody{in: in, chunks: httputil.NewChunkedReader(in)}, -1
			}
		case strings.EqualFold(f.name, "Content-Length"):
			n, err := strconv.ParseInt(f.value, 10, 64)
			if err != nil || n < 0 {
				n = 0
			}
			length = n
		}
	}
	if length == 0 {
		return eof{}, 0
	}
	return &sizedBody{in: in, left: length}, length
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

type sizedBody struct {
	in   *bufio.Reader
	left int64
}

func (b *sizedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = errClientLeft
	}
	return n, err
}

// chunkedBody reads the trailers too, so that the next request on the connection is found.
type chunkedBody struct {
	in       *bufio.Reader
	chunks   io.Reader
	finished bool
}

func (b *chunkedBody) Read(p []byte) (int, error) {
	if b.finished {
		return 0, io.EOF
	}
	n, err := b.chunks.Read(p)
	if !errors.Is(err, io.EOF) {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errClientLeft
		}
		return n, err
	}
	b.finished = true
	for {
		line, lineErr := readLine(b.in)
		if lineErr != nil {
			return n, errClientLeft
		}
		if line == "" {
			return n, io.EOF
		}
	}
}
