package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
)

// The backend answers every request with 1 KiB as fast as it can: what is measured is the
// proxy. In the closing form it speaks as Odoo's prefork workers do: HTTP/1.0, and the
// connection ends.
func serveBackend(addr string, closing bool) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))
	if closing {
		answer = []byte("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 1024))
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serveConn(conn, answer, closing)
	}
}

func serveConn(conn net.Conn, answer []byte, closing bool) {
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 4096)
	for {
		length, key, err := readHead(reader)
		if err != nil {
			return
		}
		if key != "" {
			socket(conn, reader, key)
			return
		}
		if _, err := reader.Discard(length); err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil || closing {
			return
		}
	}
}

// readHead reads a request's head: the length of its body, and the key of a websocket.
func readHead(reader *bufio.Reader) (length int, key string, err error) {
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, "", err
		}
		if len(line) <= 2 {
			return length, key, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil {
				return 0, "", err
			}
		case len(name) == 17 && bytes.EqualFold(name, []byte("Sec-WebSocket-Key")):
			key = string(bytes.TrimSpace(value))
		}
	}
}

// socket upgrades and answers each empty frame with one; an idle one holds a small buffer
// only.
func socket(conn net.Conn, reader *bufio.Reader, key string) {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	const masked, plain = "\x81\x80\x00\x00\x00\x00", "\x81\x00"
	for {
		if _, err := reader.Discard(len(masked)); err != nil {
			return
		}
		if _, err := io.WriteString(conn, plain); err != nil {
			return
		}
	}
}
