package odoo

// formScan reads an urlencoded sign-in as Werkzeug does: '&' separates, '+' is a space,
// broken percent-encoding stands for itself.
type formScan struct {
	inValue bool
	key     [16]byte
	keyLen  int

	escape  [2]byte // what follows a percent sign
	escaped int     // 0: no percent sign is open; else 1 + digits seen
}

func (s *formScan) reset() { *s = formScan{} }

func (s *formScan) scan(p []byte, f *fields) (int, string) {
	for i := 0; i < len(p); i++ {
		if reason := s.byte(p[i], f); reason != "" {
			return i + 1, reason
		}
	}
	return len(p), ""
}

func (s *formScan) byte(c byte, f *fields) string {
	if s.escaped > 0 {
		if isHex(c) {
			return s.hexDigit(c, f)
		}
		if reason := s.broken(f); reason != "" {
			return reason
		}
	}
	switch {
	case c == '%':
		s.escaped = 1
		return ""
	case c == '&':
		return s.pairEnd(f)
	case c == '=' && !s.inValue:
		s.inValue = true
		return f.begin(s.field(), kindText)
	case c == '+':
		c = ' '
	case c >= 0x80:
		// Python decodes raw bytes and encoded ones apart, so half a character of each
		// kind has two readings. Browsers encode.
		f.bad = true
	}
	return s.put(c, f)
}

func (s *formScan) hexDigit(c byte, f *fields) string {
	s.escape[s.escaped-1] = c
	s.escaped++
	if s.escaped < 3 {
		return ""
	}
	s.escaped = 0
	return s.put(unhex(s.escape[0], s.escape[1]), f)
}

// broken lets a percent sign without two hex digits stand for itself.
func (s *formScan) broken(f *fields) string {
	n := s.escaped - 1
	s.escaped = 0
	reason := s.put('%', f)
	if reason == "" && n > 0 {
		reason = s.put(s.escape[0], f)
	}
	return reason
}

func (s *formScan) put(c byte, f *fields) string {
	if s.inValue {
		if f.current == noField {
			return ""
		}
		return f.put(c)
	}
	if s.keyLen < len(s.key) {
		s.key[s.keyLen] = c
	}
	if s.keyLen <= len(s.key) {
		s.keyLen++
	}
	return ""
}

// field is what the current key names. Two of one name are refused by begin.
func (s *formScan) field() field {
	if s.keyLen > len(s.key) {
		return noField
	}
	return signInField(string(s.key[:s.keyLen]))
}

func (s *formScan) pairEnd(f *fields) string {
	reason := ""
	if !s.inValue && s.keyLen > 0 {
		reason = f.begin(s.field(), kindText) // a key alone has the empty value
	}
	s.inValue, s.keyLen = false, 0
	if reason != "" {
		return reason
	}
	return f.finish()
}

func (s *formScan) end(f *fields) string {
	if s.escaped > 0 {
		if reason := s.broken(f); reason != "" {
			return reason
		}
	}
	return s.pairEnd(f)
}
