package harness

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"
)

// Held are websockets that users keep open: what they hear is counted, and so is each that
// ends before it is told to.
type Held struct {
	mu    sync.Mutex
	open  int
	heard map[string]int // messages, by text
	ended map[string]int // by close code or error
	group sync.WaitGroup
}

// Open opens a user's websocket to the bus and keeps it until ctx ends.
func (h *Held) Open(ctx context.Context, u *User, path string) error {
	conn, _, err := u.Socket(ctx, path)
	if err != nil {
		return err
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte(Subscribe)); err != nil {
		conn.CloseNow()
		return err
	}
	h.count(func() { h.open++ })
	h.group.Go(func() { h.read(ctx, conn) })
	return nil
}

// Subscribe is what a browser says first: it wants to hear what is for its user.
const Subscribe = `{"event_name":"subscribe","data":{"channels":[],"last":0}}`

// Socket opens a user's websocket, as the pages of its host do.
func (u *User) Socket(ctx context.Context, path string) (*websocket.Conn, *http.Response, error) {
	header := http.Header{"Origin": {"http://" + u.Host}}
	if cookies := u.cookieHeader(); cookies != "" {
		header.Set("Cookie", cookies)
	}
	conn, answer, err := websocket.Dial(ctx, "ws://"+u.Host+path, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: u.transport()}, HTTPHeader: header,
	})
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%s: %w", answer.Status, err)
		}
		return nil, answer, err
	}
	u.take(answer)
	return conn, answer, nil
}

func (h *Held) read(ctx context.Context, conn *websocket.Conn) {
	defer conn.CloseNow()
	for {
		_, message, err := conn.Read(ctx)
		if ctx.Err() != nil {
			h.count(func() { h.open-- })
			return
		}
		if err != nil {
			what := err.Error()
			if code := websocket.CloseStatus(err); code >= 0 {
				what = fmt.Sprint("code ", int(code))
			}
			h.count(func() { h.open--; h.add(&h.ended, what) })
			return
		}
		h.count(func() { h.add(&h.heard, string(message)) })
	}
}

func (h *Held) add(to *map[string]int, what string) {
	if *to == nil {
		*to = map[string]int{}
	}
	(*to)[what]++
}

func (h *Held) count(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// Wait returns once every socket has ended; end their context first.
func (h *Held) Wait() { h.group.Wait() }

// Now says how many are open, and how those ended that are not.
func (h *Held) Now() (open int, ended map[string]int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ended = map[string]int{}
	for what, n := range h.ended {
		ended[what] = n
	}
	return h.open, ended
}

// Heard counts the messages that hold the text.
func (h *Held) Heard(text string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := 0
	for message, n := range h.heard {
		if strings.Contains(message, text) {
			total += n
		}
	}
	return total
}
