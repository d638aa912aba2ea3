package odoo

// Where in a number the scanner is.
const (
	numberStart = iota
	numberMinus
	numberZero
	numberInt
	numberDot
	numberFraction
	numberE
	numberSign
	numberExponent
)

// scanNumber reads on until a byte that is no part of the number.
func (s *jsonScan) scanNumber(p []byte, i int, f *fields) (int, string) {
	for ; i < len(p); i++ {
		c := p[i]
		if !isDigit(c) && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return i, s.numberEnd(f)
		}
		if reason := s.numberByte(c, f); reason != "" {
			return i + 1, reason
		}
	}
	return i, ""
}

func (s *jsonScan) numberByte(c byte, f *fields) string {
	next := nextNumber(s.number, c)
	if next < 0 {
		return ReasonMalformed
	}
	s.number = next
	f.counts.digit(c)
	if f.current != noField {
		return f.put(c)
	}
	return ""
}

func nextNumber(state int, c byte) int {
	switch {
	case c == '-' && state == numberStart:
		return numberMinus
	case (c == '-' || c == '+') && state == numberE:
		return numberSign
	case c == '.' && (state == numberZero || state == numberInt):
		return numberDot
	case (c == 'e' || c == 'E') && (state == numberZero || state == numberInt || state == numberFraction):
		return numberE
	case !isDigit(c):
		return -1
	}
	switch state {
	case numberStart, numberMinus:
		if c == '0' {
			return numberZero
		}
		return numberInt
	case numberInt:
		return numberInt
	case numberDot, numberFraction:
		return numberFraction
	case numberE, numberSign, numberExponent:
		return numberExponent
	}
	return -1 // a digit after a leading zero
}

func (s *jsonScan) numberEnd(f *fields) string {
	switch s.number {
	case numberZero, numberInt, numberFraction, numberExponent:
		s.state = jsonAfter
		return f.finish()
	}
	return ReasonMalformed
}
