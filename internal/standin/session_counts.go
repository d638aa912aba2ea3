package standin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"sync"
)

// SessionCounts say what became of the sessions that clients named, for one database. They
// prove a gateway in front: with sessions that live on each server, none of them may grow.
type SessionCounts struct {
	Requests int64 `json:"requests"` // with a well-formed id, on routes that read the session
	Unknown  int64 `json:"unknown"`  // of them, with an id of which this server has no file
	// Foreign is the wrong server: another one made the id, and nobody is signed in here.
	Foreign int64 `json:"foreign"`
	// SignOuts are clients that found themselves signed out without having asked for it: by
	// being on the wrong server, by a login that ended, or by another database's session.
	SignOuts int64 `json:"sign_outs"`
	// AnonymousSockets are websockets that a session asked for and that nobody is signed in on.
	// Odoo opens them without a word, and the user gets no notification.
	AnonymousSockets int64 `json:"anonymous_sockets"`
}

// sessionCounts holds the counts of every database.
type sessionCounts struct {
	mu sync.Mutex
	by map[string]*SessionCounts
}

func newSessionCounts() *sessionCounts { return &sessionCounts{by: map[string]*SessionCounts{}} }

func (t *sessionCounts) add(database string, count func(*SessionCounts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.by[database]
	if counts == nil {
		counts = &SessionCounts{}
		t.by[database] = counts
	}
	count(counts)
}

func (t *sessionCounts) all() map[string]SessionCounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]SessionCounts, len(t.by))
	for database, counts := range t.by {
		all[database] = *counts
	}
	return all
}

// countSession looks at the session that the client named, before the route may change it.
func (c *call) countSession() {
	s := c.session
	if s == nil || !s.named || c.route.stateless {
		return
	}
	c.srv.counts.add(c.db, func(n *SessionCounts) {
		n.Requests++
		if !s.stored {
			n.Unknown++
		}
		if c.lost() {
			n.Foreign++
		}
	})
}

// lost tells whether the client is on the wrong server.
func (c *call) lost() bool {
	return c.session.named && c.session.UID == 0 && !c.srv.sessions.madeHere(c.session.sid)
}

func (c *call) countSignOut(database string) {
	c.srv.counts.add(database, func(n *SessionCounts) { n.SignOuts++ })
}

func (c *call) countSocket() {
	if c.session.named && c.session.UID == 0 {
		c.srv.counts.add(c.db, func(n *SessionCounts) { n.AnonymousSockets++ })
	}
}

// An id looks random, and yet its maker knows it again: the last characters of the part that
// soft rotation keeps are taken from the server's name.
const markSize = 4

func (st *sessionStore) mark(sid string) string {
	end, sum := st.markEnd(), sha256.Sum256([]byte(st.maker))
	mark := base64.RawURLEncoding.EncodeToString(sum[:])
	if st.major <= 17 {
		mark = hex.EncodeToString(sum[:])
	}
	return sid[:end-markSize] + mark[:markSize] + sid[end:]
}

func (st *sessionStore) madeHere(sid string) bool {
	return len(sid) >= st.markEnd() && st.mark(sid) == sid
}

func (st *sessionStore) markEnd() int {
	if st.major <= 17 {
		return 40
	}
	return storedSessionBytes
}
