package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// RedisError is an answer that starts with a minus.
type RedisError string

func (e RedisError) Error() string { return string(e) }

// redisDo sends one command over a connection of its own and returns the answer: nil, an
// int64, a string or a list of answers. A library would add retries and a pool, which a test
// of failing servers does not want.
func redisDo(addr string, within time.Duration, args ...any) (any, error) {
	conn, err := net.DialTimeout("tcp", addr, within)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	var command strings.Builder
	fmt.Fprintf(&command, "*%d\r\n", len(args))
	for _, arg := range args {
		text := fmt.Sprint(arg)
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(text), text)
	}
	if _, err := io.WriteString(conn, command.String()); err != nil {
		return nil, err
	}
	return readAnswer(bufio.NewReader(conn))
}

func readAnswer(in *bufio.Reader) (any, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("empty answer")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, RedisError(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	}
	size, err := strconv.Atoi(rest)
	if err != nil || size < 0 {
		return nil, err
	}
	switch kind {
	case '$':
		text := make([]byte, size+2)
		_, err := io.ReadFull(in, text)
		return string(text[:size]), err
	case '*':
		list := make([]any, size)
		for i := range list {
			if list[i], err = readAnswer(in); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("answer %q", line)
}
