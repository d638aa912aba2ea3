package standin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// object is a JSON object.
type object = map[string]any

// entry is one change of a database: a line of its journal.
type entry struct {
	Op      string `json:"op"`           // create, write, unlink, param, notify
	By      string `json:"by,omitempty"` // server that did it
	Model   string `json:"model,omitempty"`
	IDs     []int  `json:"ids,omitempty"`
	Values  object `json:"values,omitempty"`
	Key     string `json:"key,omitempty"` // of a parameter; the channel of a notification
	Text    string `json:"text,omitempty"`
	Type    string `json:"type,omitempty"`
	Payload any    `json:"payload,omitempty"`
}

// notification is a row of bus.bus.
type notification struct {
	id      int
	channel string
	kind    string
	payload any
}

// store is the content of one database: records, parameters and bus. With a file, every
// change is a line of it, and servers that share the file see one another's changes.
type store struct {
	mu     sync.Mutex
	file   *os.File // nil: memory only
	offset int64

	records map[string]map[int]object
	lastID  map[string]int
	counts  map[string]int      // "res.partner.create" and so on: executions
	markers map[string][]string // token of a write: the server of each execution
	params  map[string]string
	bus     []notification
	noted   chan struct{} // closed when the bus grows
}

func openStore(dir, name string) (*store, error) {
	s := &store{
		records: map[string]map[int]object{}, lastID: map[string]int{}, counts: map[string]int{},
		markers: map[string][]string{}, params: map[string]string{}, noted: make(chan struct{}),
	}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	path := filepath.Join(dir, url.PathEscape(name)+".journal")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s.file = file
	return s, s.refresh()
}

// view runs read on the newest content.
func (s *store) view(read func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.catchUp(); err != nil {
		return err
	}
	read()
	return nil
}

// read runs look on what is known. A journal that cannot be read shows up where somebody
// waits for the answer.
func (s *store) read(look func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.catchUp()
	look()
}

// change runs decide on the newest content and applies what it returns, while no other
// server can change the database.
func (s *store) change(decide func() (*entry, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		if err := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX); err != nil {
			return fmt.Errorf("lock database: %w", err)
		}
		defer s.unlock()
	}
	if err := s.catchUp(); err != nil {
		return err
	}
	e, err := decide()
	if err != nil {
		return err
	}
	return s.append(e)
}

func (s *store) unlock() {
	_ = syscall.Flock(int(s.file.Fd()), syscall.LOCK_UN) // cannot fail on a lock that is held
}

func (s *store) append(e *entry) error {
	if s.file == nil {
		s.apply(e)
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	return s.catchUp()
}

func (s *store) refresh() error { return s.view(func() {}) }

// catchUp applies the lines that were added since the last time.
func (s *store) catchUp() error {
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	if info.Size() <= s.offset {
		return nil
	}
	in := bufio.NewReader(io.NewSectionReader(s.file, s.offset, info.Size()-s.offset))
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // half a line is read again once it is whole
		}
		if err != nil {
			return fmt.Errorf("read database: %w", err)
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("read database: %w", err)
		}
		s.offset += int64(len(line))
		s.apply(&e)
	}
}

func (s *store) apply(e *entry) {
	switch e.Op {
	case "create":
		s.applyCreate(e)
	case "write":
		for _, id := range e.IDs {
			maps.Copy(s.records[e.Model][id], e.Values)
		}
	case "unlink":
		for _, id := range e.IDs {
			delete(s.records[e.Model], id)
		}
	case "param":
		s.params[e.Key] = e.Text
		return
	case "notify":
		s.bus = append(s.bus, notification{id: len(s.bus) + 1, channel: e.Key, kind: e.Type, payload: e.Payload})
		close(s.noted)
		s.noted = make(chan struct{})
		return
	}
	s.counts[e.Model+"."+e.Op]++
	if marker, ok := e.Values["marker"].(string); ok {
		s.markers[marker] = append(s.markers[marker], e.By)
	}
}

func (s *store) applyCreate(e *entry) {
	if s.records[e.Model] == nil {
		s.records[e.Model] = map[int]object{}
	}
	for _, id := range e.IDs {
		record := maps.Clone(e.Values)
		record["id"] = id
		s.records[e.Model][id] = record
		s.lastID[e.Model] = max(s.lastID[e.Model], id)
	}
}

// since returns the notifications after last on the channels, and when to look again.
func (s *store) since(last int, channels []string) (found []notification, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.bus[min(max(last, 0), len(s.bus)):] {
		if slices.Contains(channels, n.channel) {
			found = append(found, n)
		}
	}
	return found, s.noted
}

func (s *store) notify(channel, kind string, payload any) error {
	return s.change(func() (*entry, error) {
		return &entry{Op: "notify", Key: channel, Type: kind, Payload: payload}, nil
	})
}

func (s *store) setParam(key, value string) error {
	return s.change(func() (*entry, error) {
		return &entry{Op: "param", Key: key, Text: value}, nil
	})
}

func (s *store) param(key string) (value string) {
	if err := s.view(func() { value = s.params[key] }); err != nil {
		return ""
	}
	return value
}

func (s *store) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
