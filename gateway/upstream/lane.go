package upstream

// lane is what a turnstile knows of one database.
type lane struct {
	database string
	sockets  int
	flying   int
	scout    bool // the first is on its way, alone
	warm     bool // the backend has answered for this database, and has not forgotten it since
	warmth   int  // counts how often it became warm
	waiters  []*waiter
}

func (l *lane) warmUp() {
	if !l.warm {
		l.warm = true
		l.warmth++
	}
}

// opened counts a socket of a database; closed wants what it returns.
func (t *turnstile) opened(database string) (warmth int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.laneOf(database)
	l.sockets++
	l.warmUp()
	return l.warmth
}

// closed counts it out. broken says that the backend went without a word: it was killed or
// restarts, and so the other sockets of that time are about to break, too. It has forgotten
// the database then, as it may have when no socket is left.
func (t *turnstile) closed(database string, warmth int, broken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.laneOf(database)
	l.sockets--
	if l.sockets == 0 || broken && l.warmth == warmth {
		l.warm = false
	}
	t.tidy(l)
}

func (t *turnstile) laneOf(database string) *lane {
	l := t.lanes[database]
	if l == nil {
		l = &lane{database: database}
		if t.lanes == nil {
			t.lanes = map[string]*lane{}
		}
		t.lanes[database] = l
	}
	return l
}

func (t *turnstile) tidy(l *lane) {
	if l.sockets == 0 && l.flying == 0 && len(l.waiters) == 0 {
		delete(t.lanes, l.database)
	}
}
