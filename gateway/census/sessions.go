package census

import "time"

// Step is how exactly it is known when a session was seen.
const Step = 15 * time.Second

const (
	// lifetime is how long a session that nobody sees stays counted: as long as its pin, and
	// Odoo's own cookie.
	lifetime = 7 * 24 * time.Hour
	// ring is the number of steps that are counted one by one: a little more than an hour.
	ring = 256
)

// SeenBuckets is how many there are.
const SeenBuckets = 5

// SeenBounds are the ends of all buckets but the last, which has none.
func SeenBounds() [SeenBuckets - 1]time.Duration {
	return [...]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
}

// session is one that is remembered.
type session struct {
	seen   uint32 // step
	flying uint32 // requests
	side   uint16
}

// seen counts the sessions of one release by the step of their last visit.
type seen struct {
	total int
	now   uint32
	steps [ring]uint32
}

// turn brings the ring to now: steps that have left it are "older".
func (s *seen) turn(now uint32) {
	if now <= s.now {
		return
	}
	if now-s.now >= ring {
		s.steps = [ring]uint32{}
	} else {
		for step := s.now + 1; step <= now; step++ {
			s.steps[step%ring] = 0
		}
	}
	s.now = now
}

func (s *seen) add(now uint32) {
	s.turn(now)
	s.total++
	s.steps[now%ring]++
}

func (s *seen) drop(step uint32) {
	s.total--
	if step+ring > s.now {
		s.steps[step%ring]--
	}
}

func (s *seen) again(before, now uint32) {
	if before < now {
		s.turn(now)
		s.drop(before)
		s.add(now)
	}
}

// count fills the buckets, each with the step that it ends in: what is rounded is younger
// than it was.
func (s *seen) count(now uint32) (out [SeenBuckets]int) {
	s.turn(now)
	left, age := s.total, uint32(0)
	for i, bound := range SeenBounds() {
		for ; age <= uint32(bound/Step) && age <= now; age++ {
			out[i] += int(s.steps[(now-age)%ring])
		}
		left -= out[i]
	}
	out[SeenBuckets-1] = left
	return out
}

// visit notes that a session is seen on a side, where it lives from then on.
func (b *books) visit(key uint64, at *side, now uint32) session {
	s, known := b.sessions[key]
	switch {
	case !known:
		b.makeRoom()
		at.seen.add(now)
		s = session{seen: now, side: at.index}
	case s.side != at.index:
		was := b.sides[s.side]
		was.seen.drop(s.seen)
		at.seen.add(now)
		if len(b.sockets[key]) > 0 {
			was.live--
			at.live++
		}
		s.seen, s.side = now, at.index
	default:
		at.seen.again(s.seen, now)
		s.seen = max(s.seen, now)
	}
	return s
}

func (b *books) keep(key uint64, s session) {
	before := len(b.sessions)
	b.sessions[key] = s
	if !b.closed {
		b.census.known.Add(int64(len(b.sessions) - before))
	}
}

// candidates is how many sessions are looked at to find one that may be forgotten.
const candidates = 8

// ownSessions is what each tenant may have remembered in any case: the crowd of one must not
// blur the numbers of the others.
const ownSessions = 1000

// makeRoom forgets the longest unseen of a few sessions when too many are remembered. It
// stays counted where it was, and counts once more if it comes back.
func (b *books) makeRoom() {
	if b.census.known.Load() < b.census.most || len(b.sessions) < b.census.own {
		return
	}
	var oldest session
	var key uint64
	found, looked := false, 0
	for k, s := range b.sessions {
		if looked++; looked > candidates {
			break
		}
		if s.flying == 0 && len(b.sockets[k]) == 0 && (!found || s.seen < oldest.seen) {
			key, oldest, found = k, s, true
		}
	}
	if !found {
		return
	}
	at := b.sides[oldest.side]
	if at.forgotten == nil {
		at.forgotten = map[uint32]int{}
	}
	at.forgotten[hour(oldest.seen)]++
	delete(b.sessions, key)
	b.census.known.Add(-1)
}

func hour(step uint32) uint32 { return step / uint32(time.Hour/Step) }

// expire forgets the sessions whose life has ended.
func (b *books) expire(now uint32) {
	const life = uint32(lifetime / Step)
	if now < life {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := 0
	for key, s := range b.sessions {
		if s.seen < now-life && s.flying == 0 && len(b.sockets[key]) == 0 {
			b.sides[s.side].seen.turn(now)
			b.sides[s.side].seen.drop(s.seen)
			delete(b.sessions, key)
			gone++
		}
	}
	b.census.known.Add(-int64(gone))
	for _, s := range b.sides {
		for h, n := range s.forgotten {
			if h < hour(now-life) {
				s.seen.total -= n
				delete(s.forgotten, h)
			}
		}
	}
}

// close ends the books and says how many sessions were in them; false while they are in use.
func (b *books) close() (n int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sides {
		if s.sockets > 0 {
			return 0, false
		}
	}
	if b.first != nil {
		return 0, false
	}
	n = int64(len(b.sessions))
	b.closed = true
	b.sessions, b.sockets = map[uint64]session{}, map[uint64][]*socket{}
	return n, true
}
