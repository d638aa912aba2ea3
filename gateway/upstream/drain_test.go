package upstream

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

func TestDrainClosesEverySocketWithTheCode(t *testing.T) {
	const sockets = 20
	heard := make(chan int, sockets)
	g := realtime(t, func(c wire) {
		accept(c)
		for {
			m, err := next(c)
			if err != nil {
				return
			}
			if m.op == opClose {
				heard <- m.code()
				c.Conn.Write(closeFrame(m.code(), "", false))
				return
			}
		}
	})
	codes := make(chan int, sockets)
	var clients sync.WaitGroup
	for range sockets {
		c := g.open()
		clients.Go(func() {
			m, err := next(c)
			if err == nil && m.op == opClose {
				codes <- m.code()
				c.Conn.Write(closeFrame(m.code(), "", true))
			}
			io.Copy(io.Discard, c)
		})
	}
	start := time.Now()
	g.CloseSockets("restart", 300*time.Millisecond)
	if d := time.Since(start); d < 100*time.Millisecond {
		t.Errorf("all at once: %v", d)
	}
	clients.Wait()
	for range sockets {
		if code := <-codes; code != closeRestart {
			t.Errorf("a client got %d", code)
		}
		if code := <-heard; code != closeGoingAway {
			t.Errorf("Odoo got %d", code)
		}
	}
	if g.backend(0).Sockets != 0 {
		t.Error("sockets are left")
	}
	c := g.dial()
	io.WriteString(c.Conn, handshake+"\r\n")
	if response, err := http.ReadResponse(c.Reader, nil); err != nil || response.StatusCode != 503 {
		t.Errorf("a new socket while stopping: %v, %v", response, err)
	}
}

func TestAClientThatIgnoresCloseIsCutOff(t *testing.T) {
	g := realtime(t, func(c wire) { accept(c); io.Copy(io.Discard, c) }, withTiming(Timing{SocketFarewell: 100 * time.Millisecond}))
	c := g.open()
	g.CloseSockets("restart", 0) // returns: nothing waits for the client
	if m, err := next(c); err != nil || m.code() != closeRestart {
		t.Errorf("got %v, %v", m, err)
	}
	if _, err := next(c); err == nil {
		t.Error("still open")
	}
}

func TestACloseWaitsForTheEndOfTheFrame(t *testing.T) {
	half, rest := make(chan struct{}), make(chan struct{})
	whole := frame(false, opBinary, bytes.Repeat([]byte("x"), 50_000), false)
	g := realtime(t, func(c wire) {
		accept(c)
		c.Conn.Write(whole[:20_000])
		close(half)
		<-rest
		c.Conn.Write(whole[20_000:])
		c.Conn.Write(frame(true, opContinue, []byte("too late"), false))
		io.Copy(io.Discard, c)
	})
	c := g.open()
	<-half
	io.ReadFull(c, make([]byte, 10_000)) // the frame is on its way to the client
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.CloseTenantSockets("acme", "restart", 0)
	}()
	<-done
	close(rest)
	if _, err := io.ReadFull(c, make([]byte, len(whole)-10_000)); err != nil {
		t.Fatal(err)
	}
	if m, err := next(c); err != nil || m.op != opClose || m.code() != closeRestart {
		t.Errorf("after the frame: %v, %v", m, err)
	}
}

func TestARemovedBackendClosesItsSockets(t *testing.T) {
	g := realtime(t, echo, func(_ *Config, p *routing.Pool) { p.Realtime.Drain = 10 * time.Millisecond })
	c := g.open()
	g.Apply(nil)
	if m, err := next(c); err != nil || m.code() != closeRestart {
		t.Errorf("got %v, %v", m, err)
	}
}
