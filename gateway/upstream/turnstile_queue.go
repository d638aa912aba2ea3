package upstream

// makeRoom finds a place in the queue for one more of l. When all are taken, the database
// with the most gives up its last, so that one tenant's storm leaves room for the others.
func (t *turnstile) makeRoom(l *lane) error {
	if t.waiting < t.turns.queue {
		return nil
	}
	longest := l
	for _, other := range t.line {
		if len(other.waiters) > len(longest.waiters)+1 {
			longest = other
		}
	}
	if longest == l {
		return errCrowded
	}
	last := longest.waiters[len(longest.waiters)-1]
	t.drop(last)
	last.turn <- errCrowded
	return nil
}

// drop takes a waiter out; false when its turn has come already.
func (t *turnstile) drop(w *waiter) bool {
	l := w.lane
	for i, other := range l.waiters {
		if other != w {
			continue
		}
		l.waiters = append(l.waiters[:i:i], l.waiters[i+1:]...)
		t.waiting--
		if len(l.waiters) == 0 {
			t.unline(l)
		}
		t.tidy(l)
		return true
	}
	return false
}

func (t *turnstile) unline(l *lane) {
	for i, other := range t.line {
		if other == l {
			t.line = append(t.line[:i:i], t.line[i+1:]...)
			break
		}
	}
	if len(t.line) == 0 && t.alarm != nil {
		t.alarm.Stop()
	}
}
