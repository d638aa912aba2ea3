package standin

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// websocket is the handshake. Any Origin will do, as long as there is one.
func websocket(c *call) error {
	for _, name := range []string{"HTTP_ORIGIN", "HTTP_UPGRADE", "HTTP_CONNECTION", "HTTP_SEC_WEBSOCKET_KEY", "HTTP_SEC_WEBSOCKET_VERSION"} {
		if c.env[name] == "" {
			return newHTTPError(http.StatusBadRequest, "Empty or missing header(s): "+strings.ToLower(name[5:]))
		}
	}
	if !strings.EqualFold(c.env["HTTP_UPGRADE"], "websocket") || !strings.Contains(strings.ToLower(c.env["HTTP_CONNECTION"]), "upgrade") {
		return newHTTPError(http.StatusBadRequest, "Invalid upgrade header")
	}
	key, err := base64.StdEncoding.DecodeString(c.env["HTTP_SEC_WEBSOCKET_KEY"])
	if err != nil || len(key) != 16 {
		return newHTTPError(http.StatusBadRequest, "Sec-WebSocket-Key should be of length 16 once decoded")
	}
	if c.env["HTTP_SEC_WEBSOCKET_VERSION"] != "13" {
		return errors.New("websocket version")
	}
	if !c.realtime {
		return &odooError{serverError, "Couldn't bind the websocket. Is the connection opened on the evented port?"}
	}
	st, err := c.srv.databases.store(c.db)
	if err != nil {
		return err
	}
	c.countSocket()
	c.session.dirty = true // the socket reads its session from the disk
	sum := sha1.Sum([]byte(c.env["HTTP_SEC_WEBSOCKET_KEY"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	c.header.Set("Upgrade", "websocket")
	c.header.Set("Connection", "Upgrade")
	c.header.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	c.WriteHeader(http.StatusSwitchingProtocols)
	c.upgrade = func() { newSocket(c, st).serve() }
	return nil
}

// arrival is what the reader of a socket hands to its loop.
type arrival struct {
	frame frame
	err   error
}

// socket is an open websocket. One goroutine reads, one does everything else.
type socket struct {
	srv      *Server
	ctx      context.Context
	conn     net.Conn
	in       *bufio.Reader
	store    *store
	threaded bool
	db, sid  string
	uid      int
	outdated bool

	channels   []string
	last       int
	subscribed bool

	arrivals chan arrival
	orders   chan *closeError
	left     chan struct{} // closed when the loop has ended

	message []byte // of a fragmented message
	opcode  byte
	waiting bool // for a pong
	recent  []time.Time
}

func newSocket(c *call, st *store) *socket {
	version := map[int]string{18: "18.0-5", 19: "19.0-2"}[c.srv.major]
	w := &socket{
		srv: c.srv, ctx: c.ctx, conn: c.conn, in: c.in, store: st, threaded: !c.srv.prefork(),
		db: c.db, sid: c.session.sid, uid: c.session.UID,
		outdated: version != "" && c.env["HTTP_USER_AGENT"] != "" && c.query("version") != version,
		arrivals: make(chan arrival), orders: make(chan *closeError, 1), left: make(chan struct{}),
	}
	return w
}

// serve runs the socket to its end, close frames included.
func (w *socket) serve() {
	w.srv.sockets.add(w)
	defer w.srv.sockets.remove(w)
	var reader sync.WaitGroup
	reader.Go(w.read)
	defer reader.Wait()
	defer w.conn.Close()
	defer close(w.left)
	ending := codeOf(w.loop())
	if ending.code == 0 {
		return
	}
	if writeClose(w.conn, ending) == nil && !w.threadedStop() {
		w.awaitClose()
	}
}

func (w *socket) threadedStop() bool { return w.ctx.Err() != nil }

func (w *socket) read() {
	for {
		f, err := readFrame(w.in)
		select {
		case w.arrivals <- arrival{f, err}:
		case <-w.left:
			return
		}
		if err != nil {
			return
		}
	}
}

// awaitClose gives the client a second to answer the close frame.
func (w *socket) awaitClose() {
	deadline := time.After(time.Second)
	for {
		select {
		case a := <-w.arrivals:
			if a.err != nil || a.frame.opcode == opClose {
				return
			}
		case <-deadline:
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// loop returns why the socket ends.
func (w *socket) loop() error {
	if w.outdated { // a clean close keeps old workers from coming back
		return &closeError{closeClean, "OUTDATED_VERSION"}
	}
	cfg := &w.srv.cfg
	idle, life := time.NewTimer(cfg.WebsocketIdle), time.NewTimer(cfg.WebsocketLife)
	defer idle.Stop()
	defer life.Stop()
	for {
		noted, err := w.dispatch()
		if err != nil {
			return err
		}
		select {
		case <-w.ctx.Done():
			return w.stopped()
		case order := <-w.orders:
			return order
		case <-life.C:
			return &closeError{closeKeepAlive, ""}
		case <-noted:
			continue
		case <-idle.C:
			err = w.silence(idle)
		case a := <-w.arrivals:
			if err = w.take(a); err == nil && !w.waiting {
				idle.Reset(cfg.WebsocketIdle)
			}
		}
		if err != nil {
			return err
		}
	}
}

// stopped is the end of the process: threaded Odoo says goodbye, gevent is killed.
func (w *socket) stopped() error {
	if w.threaded {
		return &closeError{closeGoingAway, ""}
	}
	return &closeError{}
}

// silence pings, and gives up when the last ping was not answered.
func (w *socket) silence(idle *time.Timer) error {
	if w.waiting {
		return &closeError{}
	}
	w.waiting = true
	idle.Reset(w.srv.cfg.WebsocketPong)
	return writeFrame(w.conn, opPing, nil)
}

func (w *socket) take(a arrival) error {
	if a.err != nil {
		if w.ctx.Err() != nil {
			return w.stopped()
		}
		return a.err
	}
	if err := w.limitRate(); err != nil {
		return err
	}
	switch a.frame.opcode {
	case opPing:
		return writeFrame(w.conn, opPong, a.frame.payload)
	case opPong:
		w.waiting = false
		return nil
	case opClose:
		return closeOf(a.frame.payload)
	}
	return w.assemble(a.frame)
}

// limitRate is Odoo's: a burst of 10 frames, then one each 0.2 s.
func (w *socket) limitRate() error {
	burst := w.srv.cfg.WebsocketBurst
	if burst < 0 {
		return nil
	}
	now := time.Now()
	if len(w.recent) >= burst {
		if now.Sub(w.recent[0]) < time.Duration(burst)*200*time.Millisecond {
			return &closeError{closeTryLater, ""}
		}
		w.recent = w.recent[1:]
	}
	w.recent = append(w.recent, now)
	return nil
}
