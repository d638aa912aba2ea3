package standin

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// privatePrefix starts the channels that a session has by its user and that no client can
// ask for. The channel of a user is privatePrefix and the uid.
const privatePrefix = "res.users_"

// assemble puts a message together from its frames.
func (w *socket) assemble(f frame) error {
	switch f.opcode {
	case opText, opBinary:
		if w.opcode != 0 {
			return &closeError{closeProtocol, "Expected a continuation frame"}
		}
		w.opcode = f.opcode
	case opContinue:
		if w.opcode == 0 {
			return &closeError{closeProtocol, "Unexpected continuation frame"}
		}
	default:
		return &closeError{closeProtocol, "Unexpected opcode"}
	}
	w.message = append(w.message, f.payload...)
	if len(w.message) > maxMessage {
		return &closeError{closeTooBig, ""}
	}
	if !f.final {
		return nil
	}
	message, opcode := w.message, w.opcode
	w.message, w.opcode = nil, 0
	if opcode == opText && !utf8.Valid(message) {
		return &closeError{closeInconsistent, ""}
	}
	return w.receive(message)
}

// receive acts on a message. What is no event is ignored, and an event of unknown name comes
// back as a notification, which real Odoo would not do.
func (w *socket) receive(message []byte) error {
	var event struct {
		Name string `json:"event_name"`
		Data any    `json:"data"`
	}
	if json.Unmarshal(message, &event) != nil || event.Name == "" {
		return nil
	}
	if !w.sessionAlive() {
		return &closeError{closeSessionExpired, ""}
	}
	switch event.Name {
	case "subscribe":
		data, _ := event.Data.(object)
		list, _ := data["channels"].([]any)
		w.channels = allowedChannels(list, w.uid)
		if w.last == 0 {
			w.last = asInt(data["last"])
		}
		w.subscribed = true
		return nil
	case "update_presence":
		return nil
	}
	return w.send([]notification{{kind: event.Name, payload: event.Data}})
}

// allowedChannels adds what the session has a right to, and drops what a client cannot name.
func allowedChannels(wanted []any, uid int) []string {
	channels := []string{"broadcast"}
	if uid != 0 {
		channels = append(channels, fmt.Sprint(privatePrefix, uid))
	}
	for _, item := range wanted {
		if name := asText(item); name != "" && !strings.HasPrefix(name, privatePrefix) {
			channels = append(channels, name)
		}
	}
	return channels
}

// sessionAlive reads the session from the disk again, after a soft rotation under its new id.
func (w *socket) sessionAlive() bool {
	s := &session{}
	if !w.srv.sessions.read(w.sid, s) {
		return false
	}
	if s.NextSID != "" {
		w.sid = s.NextSID
	}
	return s.UID == w.uid
}

// dispatch sends what is new on the channels and says when to look again. While the database
// is away the socket stays open and silent.
func (w *socket) dispatch() (<-chan struct{}, error) {
	if !w.subscribed {
		return nil, nil
	}
	found, more := w.store.since(w.last, w.channels)
	if len(found) == 0 || w.srv.faults.down.Load() {
		return more, nil
	}
	if !w.sessionAlive() {
		return nil, &closeError{closeSessionExpired, ""}
	}
	w.last = found[len(found)-1].id
	return more, w.send(found)
}

func (w *socket) send(list []notification) error {
	body, err := json.Marshal(wireForm(list))
	if err != nil {
		return fmt.Errorf("notification: %w", err)
	}
	return writeFrame(w.conn, opText, body)
}

func wireForm(list []notification) []any {
	out := make([]any, 0, len(list))
	for _, n := range list {
		out = append(out, object{"id": n.id, "message": object{"type": n.kind, "payload": n.payload}})
	}
	return out
}

// wake makes every socket look at its channels again.
func (s *store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.noted)
	s.noted = make(chan struct{})
}

func (d *databases) wake() {
	for _, s := range d.opened() {
		s.wake()
	}
}

// sockets are the open websockets of a server.
type sockets struct {
	mu   sync.Mutex
	open map[*socket]struct{}
}

func newSockets() *sockets { return &sockets{open: map[*socket]struct{}{}} }

func (s *sockets) add(w *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[w] = struct{}{}
}

func (s *sockets) remove(w *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, w)
}

func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *sockets) closeAll(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.open {
		select {
		case w.orders <- &closeError{code, ""}:
		default: // it is closing already
		}
	}
}

func (s *sockets) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.open {
		w.conn.Close()
	}
}
