package odoo

// count counts the elements of the model method's arguments.
func (s *xmlScan) count(f *fields) {
	switch {
	case s.inStruct():
	case s.list && s.depth == 1:
		f.items++
	case s.list && s.depth == 2 && f.items == 1:
		f.nested++
	case s.list && s.depth == 2 && f.items == 2:
		f.counts.second++
	case s.second && s.depth == 1:
		f.counts.flat++
	case s.second && s.depth == 2:
		f.counts.element(s.named)
	}
}

// amount is where the value goes when it is a number that bounds the call.
func (s *xmlScan) amount(f *fields) slot {
	switch {
	case s.list && s.depth == 1 && !s.inStruct():
		return positionSlot(nestedSlots, f.items-1)
	case s.second && s.depth == 1 && s.inStruct():
		s.named = noSlot
		if s.keyLen <= len(s.key) {
			s.named = namedSlot(string(s.key[:s.keyLen]))
		}
		return s.named
	}
	return noSlot
}

// naming tells whether the text is the name of a named argument.
func (s *xmlScan) naming() bool {
	return s.place == xmlMemberName && s.second && s.depth == 1
}

// amountText takes text that may be the name or the number of a bound.
func (s *xmlScan) amountText(p []byte, f *fields) {
	switch {
	case s.naming():
		for _, c := range p {
			s.keyByte(c)
		}
	case s.place == xmlLeaf && s.number:
		for _, c := range p {
			f.counts.digit(c)
		}
	}
}

func (s *xmlScan) keyByte(c byte) {
	if s.keyLen < len(s.key) {
		s.key[s.keyLen] = c
	}
	if s.keyLen <= len(s.key) {
		s.keyLen++
	}
}

func (s *xmlScan) keyRune(r rune) {
	if r < 0x80 {
		s.keyByte(byte(r))
		return
	}
	s.keyLen = len(s.key) + 1
}
