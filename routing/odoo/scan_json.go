package odoo

// What the JSON scanner waits for.
const (
	jsonRoot = iota
	jsonKeyOrEnd
	jsonKey
	jsonColon
	jsonValue
	jsonValueOrEnd
	jsonAfter // a comma or the end of the container
	jsonString
	jsonEscape
	jsonHex
	jsonNumber
	jsonWord // true, false, null
	jsonDone
)

// jsonScan reads JSON-RPC: {"params": {"service", "method", "args": [db, ...]}}, and the
// sign-in of the web client: {"params": {"db", "login", "password"}}. Odoo takes any order
// of members, so what the arguments mean is known only at the end.
type jsonScan struct {
	auth  bool // a sign-in
	state int

	depth   int
	objects uint64 // bit i: the container at depth i+1 is an object
	params  bool   // depth 2 is the params object
	args    bool   // depth 3 is the args array
	list    bool   // depth 4 is the model method's argument list
	flat    bool   // depth 4 is the second argument of a method whose arguments stand in args
	kw      bool   // depth 4 holds the named arguments
	two     bool   // JSON-2: depth 1 holds them
	named   slot   // of the named argument that is open
	index   int    // position in args
	seen    memberSet

	inKey  bool
	keep   bool // the key is at a level that decides
	key    [16]byte
	keyLen int // more than len(key): no key of ours

	hex       rune
	hexDigits int
	high      rune // high surrogate that waits for its low one
	word      string
	number    int
}

// memberSet remembers members that may stand only once and are no fields.
type memberSet struct {
	params, args, method, version, id bool
}

func (s *jsonScan) reset() { *s = jsonScan{} }

// scan reads p and returns how far it came, and why it stopped there.
func (s *jsonScan) scan(p []byte, f *fields) (int, string) {
	reason := ""
	for i := 0; i < len(p); {
		switch s.state {
		case jsonString:
			i, reason = s.scanString(p, i, f)
		case jsonEscape:
			reason = s.escape(p[i], f)
			i++
		case jsonHex:
			reason = s.hexDigit(p[i], f)
			i++
		case jsonNumber:
			i, reason = s.scanNumber(p, i, f)
		case jsonWord:
			reason = s.wordByte(p[i])
			i++
		default:
			if !isSpace(p[i]) {
				reason = s.token(p[i], f)
			}
			i++
		}
		if reason != "" {
			return i, reason
		}
	}
	return len(p), ""
}

func (s *jsonScan) end() string {
	if s.state != jsonDone {
		return ReasonMalformed
	}
	return ""
}

// token reads one byte between values.
func (s *jsonScan) token(c byte, f *fields) string {
	switch s.state {
	case jsonRoot:
		return s.root(c)
	case jsonKey, jsonKeyOrEnd:
		return s.keyStart(c, f)
	case jsonColon:
		if c != ':' {
			return ReasonMalformed
		}
		s.state = jsonValue
		return ""
	case jsonValue, jsonValueOrEnd:
		if c == ']' && s.state == jsonValueOrEnd {
			return s.pop()
		}
		return s.value(c, f)
	case jsonAfter:
		return s.after(c)
	}
	return ReasonTrailing
}

func (s *jsonScan) root(c byte) string {
	switch c {
	case '{':
		return s.push(true)
	case '[':
		return ReasonBatch
	}
	return ReasonMalformed
}

func (s *jsonScan) keyStart(c byte, f *fields) string {
	if c == '}' && s.state == jsonKeyOrEnd {
		return s.pop()
	}
	if c != '"' {
		return ReasonMalformed
	}
	s.state, s.inKey, s.keyLen = jsonString, true, 0
	s.keep = s.depth == 1 || (s.depth == 2 && s.params) || (s.depth == 4 && s.kw)
	f.current = noField
	return ""
}

func (s *jsonScan) after(c byte) string {
	object := s.inObject()
	switch {
	case c == ',' && object:
		s.state = jsonKey
	case c == ',':
		s.state = jsonValue
		if s.depth == 3 && s.args {
			s.index++
		}
	case c == '}' && object:
		return s.pop()
	case c == ']' && !object:
		return s.pop()
	default:
		return ReasonMalformed
	}
	return ""
}

func (s *jsonScan) inObject() bool { return s.objects&(1<<uint(s.depth-1)) != 0 }

func (s *jsonScan) push(object bool) string {
	if s.depth == maxDepth {
		return ReasonTooDeep
	}
	s.depth++
	bit := uint64(1) << uint(s.depth-1)
	s.objects &^= bit
	s.state = jsonValueOrEnd
	if object {
		s.objects |= bit
		s.state = jsonKeyOrEnd
	}
	return ""
}

func (s *jsonScan) pop() string {
	switch s.depth {
	case 2:
		s.params = false
	case 3:
		s.args = false
	case 4:
		s.list, s.flat, s.kw = false, false, false
		if !s.two {
			s.named = noSlot
		}
	}
	s.depth--
	s.state = jsonAfter
	if s.depth == 0 {
		s.state = jsonDone
	}
	return ""
}
