package odoo

import "strings"

// markup reads one byte inside of a tag, the declaration or an entity.
func (s *xmlScan) markup(c byte, f *fields) string {
	switch s.lex {
	case lexOpen:
		return s.open(c)
	case lexTag:
		return s.tagByte(c, f)
	case lexAttributes:
		return s.attribute(c, f)
	case lexQuoted:
		return s.quoted(c)
	case lexSlash:
		if c != '>' {
			return ReasonMalformed
		}
		return s.tagDone(true, f)
	case lexDeclaration:
		return s.declarationByte(c, f)
	}
	return s.entityByte(c, f)
}

// open reads what follows a '<'. DOCTYPE, comments and CDATA could hide or define what a
// name is; an instruction other than the declaration has no business in a call.
func (s *xmlScan) open(c byte) string {
	switch {
	case c == '!':
		return ReasonMarkup
	case c == '?':
		if s.place != xmlStart || s.early {
			return ReasonMarkup
		}
		s.lex = lexDeclaration
		s.early = true
		return ""
	case c == '/' && !s.ending:
		s.ending = true
		return ""
	case isAlnum(c) || c == '_':
		s.lex = lexTag
		s.early = true
		return s.collect(c, maxTag)
	}
	return ReasonMalformed
}

func (s *xmlScan) collect(c byte, limit int) string {
	if s.bufLen == limit {
		return ReasonTooLong
	}
	s.buf[s.bufLen] = c
	s.bufLen++
	return ""
}

func (s *xmlScan) tagByte(c byte, f *fields) string {
	switch {
	case isAlnum(c) || c == '.' || c == '_' || c == '-' || c == ':':
		return s.collect(c, maxTag)
	case isSpace(c):
		s.lex = lexAttributes
		return ""
	}
	return s.tagEnd(c, f)
}

// attribute passes attributes by: xmlrpc.client ignores them, and namespaces are declared
// there.
func (s *xmlScan) attribute(c byte, f *fields) string {
	switch {
	case c == '>' || c == '/':
		return s.tagEnd(c, f)
	case isSpace(c):
	case s.ending:
		return ReasonMalformed
	case c == '"' || c == '\'':
		s.lex, s.quote = lexQuoted, c
	case !isAlnum(c) && c != '.' && c != '_' && c != '-' && c != ':' && c != '=':
		return ReasonMalformed
	}
	return s.attributeByte()
}

func (s *xmlScan) quoted(c byte) string {
	if c == '<' || c == '&' {
		return ReasonMalformed
	}
	if c == s.quote {
		s.lex = lexAttributes
	}
	return s.attributeByte()
}

func (s *xmlScan) attributeByte() string {
	s.extra++
	if s.extra > maxAttributes {
		return ReasonTooLong
	}
	return ""
}

func (s *xmlScan) tagEnd(c byte, f *fields) string {
	switch {
	case c == '>':
		return s.tagDone(false, f)
	case c == '/' && !s.ending:
		s.lex = lexSlash
		return ""
	}
	return ReasonMalformed
}

func (s *xmlScan) tagDone(empty bool, f *fields) string {
	s.lex = lexText
	if s.ending {
		return s.closeTag(f)
	}
	reason := s.openTag(f)
	if reason == "" && empty {
		reason = s.closeTag(f)
	}
	return reason
}

// tag tells whether the current tag has that name.
func (s *xmlScan) tag(name string) bool { return string(s.buf[:s.bufLen]) == name }

// declarationByte collects <?xml ...?>.
func (s *xmlScan) declarationByte(c byte, f *fields) string {
	if c == '>' && s.bufLen > 0 && s.buf[s.bufLen-1] == '?' {
		s.lex = lexText
		return s.declared(string(s.buf[:s.bufLen-1]), f)
	}
	return s.collect(c, maxDeclaration)
}

// declared reads the encoding. PHP's xmlrpc_encode_request, which Odoo's documentation
// shows, declares ISO-8859-1; it is as unambiguous as UTF-8 to every parser.
func (s *xmlScan) declared(text string, f *fields) string {
	if !strings.HasPrefix(text, "xml") || len(text) < 4 || !isSpace(text[3]) {
		return ReasonMarkup
	}
	i := strings.Index(text, "encoding")
	if i < 0 {
		return ""
	}
	name := strings.TrimLeft(text[i+len("encoding"):], " \t\r\n")
	if !strings.HasPrefix(name, "=") {
		return ReasonMalformed
	}
	name = strings.TrimLeft(name[1:], " \t\r\n")
	if name == "" || (name[0] != '"' && name[0] != '\'') {
		return ReasonMalformed
	}
	name, rest := cutByte(name[1:], name[0])
	if strings.Contains(rest, "encoding") {
		return ReasonMalformed
	}
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii":
		return ""
	case "iso-8859-1":
		if s.bom == 0 {
			f.latin1 = true
			return ""
		}
	}
	return ReasonEncoding
}

func (s *xmlScan) entityByte(c byte, f *fields) string {
	if c != ';' {
		return s.collect(c, maxEntity)
	}
	s.lex = lexText
	r, ok := entity(string(s.buf[:s.bufLen]))
	if !ok {
		return ReasonMalformed
	}
	if s.naming() {
		s.keyRune(r)
	}
	return f.addRune(r)
}

// entity knows XML's own five and character references. Others need a DOCTYPE.
func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "apos":
		return '\'', true
	case "quot":
		return '"', true
	}
	base, digits := rune(10), ""
	switch {
	case strings.HasPrefix(name, "#x"):
		base, digits = 16, name[2:]
	case strings.HasPrefix(name, "#"):
		digits = name[1:]
	}
	r := rune(0)
	for i := 0; i < len(digits); i++ {
		if !isHex(digits[i]) || (base == 10 && !isDigit(digits[i])) {
			return 0, false
		}
		r = r*base + rune(hexValue(digits[i]))
		if r > 0x10ffff {
			return 0, false
		}
	}
	return r, r > 0
}
