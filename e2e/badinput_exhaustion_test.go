package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"sluicegate.dev/sluice/e2e/harness"
)

// roomForAttacks is how much the resident memory may grow over all attacks here; a leak per
// request would show as much more.
const roomForAttacks = 150 << 20

// exhaustion tries to make the gateway hold what an attacker does not have to (X01-X09, W10).
func (l *lab) exhaustion(t *testing.T) {
	before := l.gateway.Usage(t)
	seriesBefore := len(l.gateway.Metrics(t))
	t.Run("attacks", func(t *testing.T) {
		for name, attack := range map[string]func(*testing.T){
			"X01 slow header":                            l.slowHeader,
			"X02 rapid reset":                            l.rapidReset,
			"X03 continuation flood":                     l.continuationFlood,
			"X04 header compression bomb":                l.compressionBomb,
			"X05 settings and pings":                     l.settingsFlood,
			"X06 stalled handshakes":                     l.stalledHandshakes,
			"X08 many hosts, paths and user agents":      l.manyNames,
			"X09 many session cookies":                   l.manySessions,
			"W10 an idle websocket outlives Odoo's ping": l.idleWebSocket,
			"W07 a websocket client that never reads":    l.neverReads,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				attack(t)
			})
		}
	})
	t.Run("memory, descriptors and series are bounded", func(t *testing.T) {
		harness.Eventually(t, harness.Patience, "back to normal", func() error {
			after := l.gateway.Usage(t)
			if after.FDs > before.FDs+60 || after.RSS > before.RSS+roomForAttacks {
				return fmt.Errorf("before %+v, after %+v", before, after)
			}
			return nil
		})
		if grown := len(l.gateway.Metrics(t)) - seriesBefore; grown > 300 {
			t.Errorf("the attacks made %d more metric series", grown)
		}
	})
}

// slowHeader: connections that send a header byte by byte end at the header time-out (30 s).
func (l *lab) slowHeader(t *testing.T) {
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			conn, err := net.Dial("tcp", l.gateway.Web)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: acme.test\r\n")
			deadline := time.Now().Add(75 * time.Second)
			for time.Now().Before(deadline) {
				_, _ = io.WriteString(conn, "X")
				_ = conn.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := conn.Read(make([]byte, 512)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return // ended, as it should
				}
			}
			t.Error("a connection with an endless header is open after 75 s")
		})
	}
	group.Wait()
}

func (l *lab) rapidReset(t *testing.T) {
	h := harness.DialH2(t, l.gateway.TLS, "acme.test")
	go func() { _, _ = io.Copy(io.Discard, h.Conn) }()
	for i := range 10_000 {
		stream := uint32(2*i + 1)
		if h.Send(stream, "", h2get("/reset")...) != nil || h.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
			break // sent away
		}
	}
	l.stillServes(t)
}

func (l *lab) continuationFlood(t *testing.T) {
	h := harness.DialH2(t, l.gateway.TLS, "acme.test")
	go func() { _, _ = io.Copy(io.Discard, h.Conn) }()
	_ = h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.Block(h2get("/")...)})
	for i := range 5000 {
		if err := h.WriteContinuation(1, false, h.Block(fmt.Sprintf("x-%d", i), strings.Repeat("v", 1000))); err != nil {
			l.stillServes(t)
			return
		}
	}
	t.Error("5 MB of continuation frames were taken")
}

// compressionBomb names one big indexed field thousands of times in a few bytes.
func (l *lab) compressionBomb(t *testing.T) {
	h := harness.DialH2(t, l.gateway.TLS, "acme.test")
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := h2get("/bomb")
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	for range 4000 {
		_ = encoder.WriteField(hpack.HeaderField{Name: "x-big", Value: strings.Repeat("b", 3900)})
	}
	if err := h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
		t.Fatal(err)
	}
	if answer := h.Await(1); answer.Status == "200" {
		t.Errorf("16 MB of header were accepted: %v", answer)
	}
	l.stillServes(t)
}

func (l *lab) settingsFlood(t *testing.T) {
	h := harness.DialH2(t, l.gateway.TLS, "acme.test")
	go func() { _, _ = io.Copy(io.Discard, h.Conn) }()
	for i := range 20_000 {
		if h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(65535 + i)}) != nil || h.WritePing(false, [8]byte{byte(i)}) != nil {
			break
		}
	}
	l.stillServes(t)
}

func (l *lab) stalledHandshakes(t *testing.T) {
	for range 100 {
		conn, err := net.Dial("tcp", l.gateway.TLS)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, clientHello("acme.test")[:20])
	}
	l.stillServes(t)
}

// manyNames: nobody can fill the metrics or a cache with names of their own choice.
func (l *lab) manyNames(t *testing.T) {
	l.pipeline(t, 20_000, func(i int) string {
		return fmt.Sprintf("GET /p%d HTTP/1.1\r\nHost: h%d.nowhere.test\r\nUser-Agent: agent-%d\r\n\r\n", i, i, i)
	})
}

func (l *lab) manySessions(t *testing.T) {
	l.pipeline(t, 3000, func(i int) string {
		return fmt.Sprintf("GET /web/login HTTP/1.1\r\nHost: special.wild.test\r\nCookie: session_id=%084d\r\n\r\n", i)
	})
}

// pipeline sends requests over one connection and reads as many answers.
func (l *lab) pipeline(t *testing.T, count int, request func(int) string) {
	t.Helper()
	conn, err := net.Dial("tcp", l.gateway.Web)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * time.Minute))
	go func() {
		writer := bufio.NewWriter(conn)
		for i := range count {
			_, _ = writer.WriteString(request(i))
		}
		_ = writer.Flush()
	}()
	reader := bufio.NewReader(conn)
	for i := range count {
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		if answer.StatusCode >= 500 {
			t.Fatalf("answer %d: %s", i, answer.Status)
		}
	}
}

// idleWebSocket is silent for longer than Odoo is between two pings (45 s, and 15 s for
// the answer).
func (l *lab) idleWebSocket(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	conn, _, err := harness.WebSocket(ctx, l.gateway.Web, "special.wild.test", "/websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	<-time.After(70 * time.Second)
	if err := conn.Write(ctx, websocket.MessageText, []byte("after a while")); err != nil {
		t.Fatalf("the idle websocket was cut: %v", err)
	}
	if _, got, err := conn.Read(ctx); err != nil || string(got) != "after a while" {
		t.Errorf("over the idle websocket came %q, %v", got, err)
	}
}

// neverReads: the backend echoes what a client sends, and the client reads nothing. The
// gateway must not keep it all.
func (l *lab) neverReads(t *testing.T) {
	conn, err := net.Dial("tcp", l.gateway.Web)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, handshake("special.wild.test", "/websocket", "Origin: http://special.wild.test"))
	before := l.gateway.Usage(t).RSS
	_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	sent, frame := 0, append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 64<<10)...)
	for sent < 256<<20 {
		n, err := conn.Write(frame)
		sent += n
		if err != nil {
			break // it does not take more, as it should
		}
	}
	if after := l.gateway.Usage(t).RSS; sent >= 256<<20 || after > before+roomForAttacks {
		t.Errorf("took %d MB from a client that never reads; resident memory grew by %d MB", sent>>20, (after-before)>>20)
	}
}

// stillServes: other clients notice nothing.
func (l *lab) stillServes(t *testing.T) {
	t.Helper()
	if e := harness.Raw(t, l.gateway.Web, get("beta.test", "/still")); e.Status() != 200 {
		t.Errorf("another client during the attack: %v", e)
	}
}
