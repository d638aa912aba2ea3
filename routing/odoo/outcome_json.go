package odoo

import "strconv"

// jsonOutcome reads a JSON-RPC envelope, or JSON-2's error body when the status is one. It
// walks the members instead of searching for a word: a result may hold any text.
func jsonOutcome(status int, head []byte) (Outcome, bool) {
	c := jsonCursor{b: head}
	for c.member(1) {
		switch {
		case c.key == "result":
			return OK, true
		case c.key == "error" && c.enter():
			return rpcErrorOutcome(&c), true
		case c.key == "name" && status >= 400:
			return exceptionOutcome(c.text())
		}
		c.skip()
	}
	return "", false
}

// rpcErrorOutcome stands inside the error object. Code 100 is a lost session, 404 a missing
// page; the rest depends on the exception's name, which Odoo writes before the traceback.
func rpcErrorOutcome(c *jsonCursor) Outcome {
	outcome := Fault
	for c.member(2) {
		switch {
		case c.key == "code":
			code, _ := strconv.Atoi(c.text())
			if code == 100 {
				return SessionExpired
			}
			if code == 404 {
				outcome = NotFound
			}
		case c.key == "data" && c.enter():
			if o, ok := dataOutcome(c); ok {
				return o
			}
		default:
			c.skip()
		}
	}
	return outcome
}

// dataOutcome stands inside error.data.
func dataOutcome(c *jsonCursor) (Outcome, bool) {
	for c.member(3) {
		if c.key == "name" {
			if o, ok := exceptionOutcome(c.text()); ok {
				return o, true
			}
			continue
		}
		c.skip()
	}
	return "", false
}

// jsonCursor walks the members of nested objects in a body that may be cut off anywhere.
// Whatever it does not understand ends the walk.
type jsonCursor struct {
	b     []byte
	depth int
	key   string
}

// member moves to the next member of the object at depth, entering the outermost one.
func (c *jsonCursor) member(depth int) bool {
	if c.depth == 0 && !c.enter() {
		return false
	}
	c.space()
	for len(c.b) > 0 && (c.b[0] == ',' || c.b[0] == '}') {
		if c.b[0] == '}' {
			c.depth--
		}
		c.b = c.b[1:]
		if c.depth < depth {
			return false
		}
		c.space()
	}
	key, ok := c.quoted()
	c.space()
	if !ok || len(c.b) == 0 || c.b[0] != ':' {
		return false
	}
	c.b = c.b[1:]
	c.space()
	c.key = key
	return true
}

func (c *jsonCursor) enter() bool {
	c.space()
	if len(c.b) == 0 || c.b[0] != '{' {
		return false
	}
	c.b = c.b[1:]
	c.depth++
	return true
}

func (c *jsonCursor) space() {
	for len(c.b) > 0 && (c.b[0] == ' ' || c.b[0] == '\n' || c.b[0] == '\r' || c.b[0] == '\t') {
		c.b = c.b[1:]
	}
}

// quoted reads a string; escapes stay as they are, names of interest have none.
func (c *jsonCursor) quoted() (string, bool) {
	if len(c.b) == 0 || c.b[0] != '"' {
		return "", false
	}
	for i := 1; i < len(c.b); i++ {
		if c.b[i] == '\\' {
			i++
			continue
		}
		if c.b[i] == '"' {
			s := string(c.b[1:i])
			c.b = c.b[i+1:]
			return s, true
		}
	}
	c.b = nil
	return "", false
}

// text reads a string or a bare word.
func (c *jsonCursor) text() string {
	if s, ok := c.quoted(); ok {
		return s
	}
	i := 0
	for i < len(c.b) && (isAlnum(c.b[i]) || c.b[i] == '-' || c.b[i] == '.' || c.b[i] == '+') {
		i++
	}
	word := string(c.b[:i])
	c.b = c.b[i:]
	return word
}

// skip passes one value of any kind.
func (c *jsonCursor) skip() {
	level := 0
	for len(c.b) > 0 {
		switch c.b[0] {
		case '"':
			c.quoted()
		case '{', '[':
			level++
			c.b = c.b[1:]
		case '}', ']':
			if level == 0 {
				return
			}
			level--
			c.b = c.b[1:]
		case ',':
			if level == 0 {
				return
			}
			c.b = c.b[1:]
		default:
			c.b = c.b[1:]
		}
	}
}
