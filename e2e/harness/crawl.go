package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// Crawl asks for a page so many times over one connection, many requests ahead of the
// answers, without ever sending a cookie. It returns how many answers gave it a session.
func Crawl(addr, host, path string, visits int) (sessions int, err error) {
	conn, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	const ahead = 32
	one := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	in := bufio.NewReaderSize(conn, 64<<10)
	for left := visits; left > 0; left -= ahead {
		batch := min(ahead, left)
		if _, err := io.WriteString(conn, strings.Repeat(one, batch)); err != nil {
			return sessions, err
		}
		for range batch {
			given, err := skipAnswer(in)
			if err != nil {
				return sessions, err
			}
			if given {
				sessions++
			}
		}
	}
	return sessions, nil
}

// skipAnswer reads one answer of a known length and tells whether it sets session_id.
func skipAnswer(in *bufio.Reader) (given bool, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")):
			return false, fmt.Errorf("answer %q", line)
		case len(line) == 0 && length < 0:
			return false, fmt.Errorf("an answer without a length")
		case len(line) == 0:
			_, err := in.Discard(length)
			return given, err
		case bytes.EqualFold(name, []byte("Set-Cookie")):
			given = given || bytes.HasPrefix(bytes.TrimSpace(value), []byte("session_id="))
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return false, err
			}
		}
	}
}
