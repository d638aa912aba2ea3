package odoo

// scanString reads text up to the next quote or escape.
func (s *jsonScan) scanString(p []byte, i int, f *fields) (int, string) {
	start := i
	for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' {
		i++
	}
	if i > start {
		if reason := s.text(p[start:i], f); reason != "" {
			return i, reason
		}
	}
	if i == len(p) {
		return i, ""
	}
	switch p[i] {
	case '\\':
		s.state = jsonEscape
		return i + 1, ""
	case '"':
		return i + 1, s.stringEnd(f)
	}
	return i + 1, ReasonMalformed // a raw control character
}

// text takes bytes of a key or of a value that decides.
func (s *jsonScan) text(p []byte, f *fields) string {
	if reason := s.lonely(f); reason != "" {
		return reason
	}
	if !s.inKey {
		return f.add(p)
	}
	for i := 0; s.keep && i < len(p); i++ {
		s.keyByte(p[i])
	}
	return ""
}

func (s *jsonScan) keyByte(c byte) {
	if s.keyLen < len(s.key) {
		s.key[s.keyLen] = c
	}
	if s.keyLen <= len(s.key) {
		s.keyLen++
	}
}

func (s *jsonScan) stringEnd(f *fields) string {
	if reason := s.lonely(f); reason != "" {
		return reason
	}
	if s.inKey {
		s.state = jsonColon
		return ""
	}
	s.state = jsonAfter
	return f.finish()
}

func (s *jsonScan) escape(c byte, f *fields) string {
	s.state = jsonString
	switch c {
	case '"', '\\', '/':
		return s.char(rune(c), f)
	case 'b':
		return s.char('\b', f)
	case 'f':
		return s.char('\f', f)
	case 'n':
		return s.char('\n', f)
	case 'r':
		return s.char('\r', f)
	case 't':
		return s.char('\t', f)
	case 'u':
		s.state, s.hex, s.hexDigits = jsonHex, 0, 0
		return ""
	}
	return ReasonMalformed
}

func (s *jsonScan) hexDigit(c byte, f *fields) string {
	if !isHex(c) {
		return ReasonMalformed
	}
	s.hex = s.hex<<4 | rune(hexValue(c))
	s.hexDigits++
	if s.hexDigits < 4 {
		return ""
	}
	s.state = jsonString
	r := s.hex
	if s.high != 0 && r >= 0xdc00 && r <= 0xdfff {
		r = 0x10000 + (s.high-0xd800)<<10 + (r - 0xdc00)
		s.high = 0
		return s.char(r, f)
	}
	if reason := s.lonely(f); reason != "" {
		return reason
	}
	if r >= 0xd800 && r <= 0xdbff {
		s.high = r
		return ""
	}
	return s.char(r, f)
}

// lonely ends a high surrogate that no low one followed. Python keeps it as it is; no name
// of ours holds one.
func (s *jsonScan) lonely(f *fields) string {
	if s.high == 0 {
		return ""
	}
	r := s.high
	s.high = 0
	return s.char(r, f)
}

// char takes one character that was written as an escape.
func (s *jsonScan) char(r rune, f *fields) string {
	if !s.inKey {
		return f.addRune(r)
	}
	if r < 0x80 {
		s.keyByte(byte(r))
	} else {
		s.keyLen = len(s.key) + 1
	}
	return ""
}

func (s *jsonScan) wordStart(c byte) string {
	switch c {
	case 't':
		s.word = "rue"
	case 'f':
		s.word = "alse"
	case 'n':
		s.word = "ull"
	default: // NaN and Infinity too, which Python would take
		return ReasonMalformed
	}
	s.state = jsonWord
	return ""
}

func (s *jsonScan) wordByte(c byte) string {
	if s.word[0] != c {
		return ReasonMalformed
	}
	s.word = s.word[1:]
	if s.word == "" {
		s.state = jsonAfter
	}
	return ""
}
