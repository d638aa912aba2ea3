package admission

// queue is a list of visits, oldest first.
type queue struct {
	first, last *visit
	length      int
}

func (q *queue) push(v *visit) {
	v.prev = q.last
	if q.last == nil {
		q.first = v
	} else {
		q.last.next = v
	}
	q.last = v
	q.length++
}

func (q *queue) remove(v *visit) {
	if v.prev == nil {
		q.first = v.next
	} else {
		v.prev.next = v.next
	}
	if v.next == nil {
		q.last = v.prev
	} else {
		v.next.prev = v.prev
	}
	v.next, v.prev = nil, nil
	q.length--
}
