package odoo

// value reads the first byte of a value and finds out whether the value decides.
func (s *jsonScan) value(c byte, f *fields) string {
	s.count(f)
	f.counts.begin(s.amount(f))
	id, reason := s.place(c, f)
	if reason != "" {
		return reason
	}
	if reason = f.begin(id, jsonKind(c)); reason != "" {
		return reason
	}
	s.inKey = false
	switch {
	case c == '"':
		s.state = jsonString
		return ""
	case c == '{':
		f.current = noField
		return s.push(true)
	case c == '[':
		f.current = noField
		return s.push(false)
	case c == '-' || isDigit(c):
		s.state, s.number = jsonNumber, numberStart
		if id != secondField {
			f.current = noField // the uid is the one number that is kept
		}
		return s.numberByte(c, f)
	}
	f.current = noField
	return s.wordStart(c)
}

func jsonKind(c byte) int {
	switch {
	case c == '"':
		return kindText
	case c == '-' || isDigit(c):
		return kindNumber
	}
	return kindOther
}

// place says which field a value at this place is. The containers on the way must have
// their one shape: Python's dict() would take params from a list of pairs as well.
func (s *jsonScan) place(c byte, f *fields) (field, string) {
	switch {
	case s.two:
		return noField, ""
	case s.depth == 1:
		return noField, s.outer(c)
	case s.depth == 2 && s.params:
		return s.param(c)
	case s.depth == 3 && s.args:
		return s.arg(c, f), ""
	}
	return noField, ""
}

// outer handles a member of the envelope.
func (s *jsonScan) outer(c byte) string {
	switch s.name() {
	case "params":
		if c != '{' {
			return ReasonType
		}
		s.params = true
		return once(&s.seen.params)
	case "method":
		return once(&s.seen.method)
	case "jsonrpc":
		return once(&s.seen.version)
	case "id":
		return once(&s.seen.id)
	}
	return ""
}

func once(seen *bool) string {
	if *seen {
		return ReasonDuplicate
	}
	*seen = true
	return ""
}

// param handles a member of params.
func (s *jsonScan) param(c byte) (field, string) {
	name := s.name()
	if s.auth {
		return signInField(name), ""
	}
	switch name {
	case "service":
		return serviceField, ""
	case "method":
		return methodField, ""
	case "args":
		if c != '[' {
			return noField, ReasonType
		}
		s.args, s.index = true, 0
		return noField, once(&s.seen.args)
	}
	return noField, ""
}

// signInField knows the parameters of the web client's sign-ins.
func signInField(name string) field {
	switch name {
	case "db":
		return databaseField
	case "login":
		return secondField
	case "password":
		return secretField
	}
	return noField
}

// arg handles a positional argument.
func (s *jsonScan) arg(c byte, f *fields) field {
	if s.index == listPosition {
		s.list = c == '['
		if !s.list {
			f.items = 1
		}
	}
	if s.index == listPosition+1 {
		s.kw, s.flat = c == '{', c == '['
	}
	return positionField(s.index)
}

// listPosition is where the model method's own arguments start.
const listPosition = 5

// positionField names the arguments of object and common calls.
func positionField(i int) field {
	switch i {
	case 0:
		return databaseField
	case 1:
		return secondField
	case 2:
		return secretField
	case 3:
		return modelField
	case 4:
		return modelMethodField
	}
	return noField
}

// count counts the elements of the model method's arguments.
func (s *jsonScan) count(f *fields) {
	switch {
	case s.inObject():
	case s.list && s.depth == 4:
		f.items++
	case s.list && s.depth == 5 && f.items == 1:
		f.nested++
	case s.list && s.depth == 5 && f.items == 2:
		f.counts.second++
	case s.flat && s.depth == 4:
		f.counts.flat++
	case s.depth == 5 && s.kw, s.depth == 2 && s.two:
		f.counts.element(s.named)
	}
}

// amount is where the value goes when it is a number that bounds the call.
func (s *jsonScan) amount(f *fields) slot {
	switch {
	case (s.depth == 4 && s.kw) || (s.depth == 1 && s.two):
		s.named = namedSlot(s.name())
		return s.named
	case s.list && s.depth == 4:
		return positionSlot(nestedSlots, f.items-1)
	case s.args && s.depth == 3:
		return positionSlot(plainSlots, s.index-listPosition)
	}
	return noSlot
}

// name is the current member's name after unescape, "" when it is no name of ours.
func (s *jsonScan) name() string {
	if s.keyLen > len(s.key) {
		return ""
	}
	return string(s.key[:s.keyLen])
}
