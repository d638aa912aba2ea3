package standin

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// storedSessionBytes is the part of a session id that soft rotation keeps.
const storedSessionBytes = 42

// session is what Odoo keeps for a browser. The exported fields are on disk.
type session struct {
	UID          int     `json:"uid,omitempty"`
	Login        string  `json:"login,omitempty"`
	DB           string  `json:"db,omitempty"`
	Token        string  `json:"session_token,omitempty"`
	CreateTime   float64 `json:"create_time,omitempty"`
	NextSID      string  `json:"next_sid,omitempty"`
	DeletionTime float64 `json:"deletion_time,omitempty"`
	GCPrevious   bool    `json:"gc_previous_sessions,omitempty"`
	Websocket    bool    `json:"is_websocket_session,omitempty"`
	Visits       int     `json:"visits,omitempty"`

	sid          string
	dirty        bool
	shouldRotate bool
	explicit     bool // named in the query or a header: never put into a cookie
	named        bool // by the client, in a well-formed way
	stored       bool // was read from a file
}

// logout forgets the user; the id changes when the session is saved.
func (s *session) logout(keepDB bool) {
	db := s.DB
	*s = session{sid: s.sid, explicit: s.explicit, named: s.named, stored: s.stored, shouldRotate: true}
	if keepDB {
		s.DB = db
	}
}

// sessionStore keeps a file per session below dir/sessions, in a folder named after the
// first two characters.
type sessionStore struct {
	dir   string
	maker string // name of the server
	major int
	grace time.Duration
}

func newSessionStore(dir, maker string, major int, grace time.Duration) *sessionStore {
	return &sessionStore{dir: filepath.Join(dir, "sessions"), maker: maker, major: major, grace: grace}
}

func (st *sessionStore) newSID() string {
	var random [64]byte
	rand.Read(random[:])
	if st.major <= 17 {
		sum := sha1.Sum(random[:])
		return st.mark(hex.EncodeToString(sum[:]))
	}
	return st.mark(base64.URLEncoding.EncodeToString(random[:63]))
}

func (st *sessionStore) wellFormed(sid string) bool {
	if st.major <= 17 {
		return len(sid) == 40 && strings.Trim(sid, "0123456789abcdef") == ""
	}
	return len(sid) == 84 && urlSafe(sid)
}

func urlSafe(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return len(s) > 2
}

func (st *sessionStore) path(sid string) string {
	return filepath.Join(st.dir, sid[:2], sid)
}

// load reads a session. One without a file is empty and keeps its id.
func (st *sessionStore) load(sid string) *session {
	s := &session{sid: sid}
	s.stored = st.read(sid, s)
	return s
}

func (st *sessionStore) read(sid string, s *session) bool {
	if !urlSafe(sid) {
		return false
	}
	data, err := os.ReadFile(st.path(sid))
	return err == nil && json.Unmarshal(data, s) == nil
}

// save writes to a temporary file and renames it, as Odoo does. An id that could leave the
// directory is never written: only version 17 and older let one come so far.
func (st *sessionStore) save(s *session) error {
	if !urlSafe(s.sid) {
		return nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	path := st.path(s.sid)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	temporary := fmt.Sprintf("%s.%s.tmp", path, rand.Text())
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return nil
}

func (st *sessionStore) remove(sid string) error {
	if !urlSafe(sid) {
		return nil
	}
	if err := os.Remove(st.path(sid)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove session: %w", err)
	}
	return nil
}

// rotate gives the session a wholly new id and deletes the old one.
func (st *sessionStore) rotate(s *session, now time.Time) error {
	if err := st.remove(s.sid); err != nil {
		return err
	}
	s.sid, s.shouldRotate, s.CreateTime = st.newSID(), false, seconds(now)
	return st.save(s)
}

// rotateSoftly changes the second half of the id. The old file stays for a grace time and
// names its successor, so that parallel requests all end up with the same new id.
func (st *sessionStore) rotateSoftly(s *session, now time.Time) error {
	if recent := st.load(s.sid); recent.NextSID != "" {
		s.sid = recent.NextSID
		return nil
	}
	next := s.sid[:storedSessionBytes] + st.newSID()[storedSessionBytes:]
	s.NextSID, s.DeletionTime = next, seconds(now.Add(st.grace))
	if err := st.save(s); err != nil {
		return err
	}
	s.sid, s.GCPrevious, s.NextSID, s.DeletionTime, s.CreateTime = next, true, "", 0, seconds(now)
	return st.save(s)
}

// removePrevious deletes the files that soft rotation left behind, once their time is over.
func (st *sessionStore) removePrevious(s *session, now time.Time) error {
	if !s.GCPrevious || seconds(now) < s.CreateTime+st.grace.Seconds() {
		return nil
	}
	old, err := filepath.Glob(st.path(s.sid[:storedSessionBytes]) + "*")
	if err != nil {
		return fmt.Errorf("remove old sessions: %w", err)
	}
	for _, path := range old {
		if filepath.Base(path) != s.sid {
			err = errors.Join(err, os.Remove(path))
		}
	}
	s.GCPrevious = false
	return errors.Join(err, st.save(s))
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
