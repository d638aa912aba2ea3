package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// sockets: what an idle websocket costs a proxy that holds it.
func (b *bench) sockets() {
	count := 4000
	if b.short {
		count = 500
	}
	b.printf("\n## Idle websockets\n\n%d sockets over plain HTTP/1.1, silent; resident memory before and after.\n\n| peer | sockets | KiB/socket | RSS MB before | after | round trip after |\n|---|---|---|---|---|---|\n", count)
	for _, start := range []func(*bench, fleet) *peer{
		func(b *bench, f fleet) *peer { return b.sluice(f) },
		func(b *bench, f fleet) *peer { return b.traefik(f, false) },
		func(b *bench, f fleet) *peer { return b.nginx(f, true) },
		func(b *bench, f fleet) *peer { return b.haproxy(f, true) },
	} {
		b.scope(func(b *bench) { b.socketsOf(start(b, fleet{count: 1, backend: b.backend(false)}), count) })
	}
}

func (b *bench) socketsOf(p *peer, count int) {
	before := p.usage(b)
	conns := make([]net.Conn, 0, count)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for i := range count {
		// Spread over loopback addresses, or the ports of one would run out.
		conn, err := openSocket(fmt.Sprintf("127.0.0.%d", 2+i/2000), p.addr, "t0.bench.test")
		if err != nil {
			b.Fatalf("%s: socket %d: %v", p.name, i, err)
		}
		conns = append(conns, conn)
	}
	// The garbage of the handshakes goes with the next collections.
	<-time.After(b.duration)
	after := p.usage(b)
	begun := time.Now()
	if err := echo(conns[count/2]); err != nil {
		b.Fatalf("%s: an idle socket is dead: %v", p.name, err)
	}
	b.printf("| %s | %d | %.1f | %d | %d | %v |\n", p.name, count, float64(after.RSS-before.RSS)/1024/float64(count),
		before.RSS>>20, after.RSS>>20, time.Since(begun).Round(10*time.Microsecond))
}

func openSocket(from, addr, host string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: harness.Patience}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_, _ = io.WriteString(conn, "GET /websocket?version=18.0-5 HTTP/1.1\r\nHost: "+host+"\r\nOrigin: http://"+host+"\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(harness.Patience))
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("answered %s", answer.Status)
	}
	if err != nil {
		conn.Close()
	}
	return conn, err
}

// echo sends an empty text frame; the backend sends one back.
func echo(conn net.Conn) error {
	frame := "\x81\x80\x00\x00\x00\x00"
	if _, err := io.WriteString(conn, frame); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(harness.Patience))
	_, err := io.ReadFull(conn, make([]byte, 2))
	return err
}
