package odoo

import "unicode/utf8"

// field is one of the values that decide.
type field int

const (
	noField field = iota
	serviceField
	methodField
	databaseField
	secondField // uid of an object call, login of a sign-in
	secretField // password or API key
	modelField
	modelMethodField
	fieldCount
)

// What a field held.
const (
	kindAbsent = iota
	kindText
	kindNumber
	kindOther
)

type value struct {
	kind int
	text [maxName]byte
	n    int
	cut  bool
}

// fields holds what a body named. All of it is of fixed size but the credential, which is
// kept only while somebody wants to hash it.
type fields struct {
	value      [fieldCount]value
	secret     []byte
	secretLen  int
	keepSecret bool

	current field // being captured, noField when none
	latin1  bool  // the body's bytes are ISO-8859-1
	bad     bool  // the current text holds a control character or half a character
	inked   bool  // the current text holds more than white space

	items  int // elements of the model method's argument list
	nested int // elements of its first element
	counts counts
}

func (f *fields) reset() {
	for i := range f.value {
		f.value[i].kind, f.value[i].n, f.value[i].cut = kindAbsent, 0, false
	}
	f.wipe()
	f.current, f.latin1, f.bad, f.inked, f.items, f.nested = noField, false, false, false, 0, 0
	f.counts = counts{}
}

// wipe forgets the credential.
func (f *fields) wipe() {
	for i := range f.secret {
		f.secret[i] = 0
	}
	f.secret, f.secretLen = f.secret[:0], 0
}

// begin starts to capture into id. A field that was there before is a duplicate.
func (f *fields) begin(id field, kind int) string {
	f.current, f.bad, f.inked = id, false, false
	if id == noField {
		return ""
	}
	if f.value[id].kind != kindAbsent {
		return ReasonDuplicate
	}
	f.value[id].kind = kind
	return ""
}

// restart forgets what was captured so far: in XML, white space before a type element.
func (f *fields) restart(kind int) {
	if f.current == noField {
		return
	}
	v := &f.value[f.current]
	v.kind, v.n, v.cut = kind, 0, false
	f.bad, f.inked = false, false
	if f.current == secretField {
		f.wipe()
	}
}

// add captures raw bytes of the body.
func (f *fields) add(p []byte) string {
	if f.current == noField {
		return ""
	}
	for _, c := range p {
		if reason := f.addByte(c); reason != "" {
			return reason
		}
	}
	return ""
}

// addByte captures one raw byte.
func (f *fields) addByte(c byte) string {
	if c >= 0x80 && f.latin1 {
		return f.addRune(rune(c))
	}
	return f.put(c)
}

// addRune captures a character that was written as an escape.
func (f *fields) addRune(r rune) string {
	if f.current == noField {
		return ""
	}
	if !utf8.ValidRune(r) {
		f.bad = true
		return ""
	}
	var buf [utf8.UTFMax]byte
	n := utf8.EncodeRune(buf[:], r)
	for _, c := range buf[:n] {
		if reason := f.put(c); reason != "" {
			return reason
		}
	}
	return ""
}

func (f *fields) put(c byte) string {
	f.bad = f.bad || c < ' '
	f.inked = f.inked || !isSpace(c)
	if f.current == secretField {
		f.secretLen++
		if f.secretLen > maxCredential {
			return ReasonTooLong
		}
		if f.keepSecret {
			f.secret = append(f.secret, c)
		}
		return ""
	}
	v := &f.value[f.current]
	if v.n < len(v.text) {
		v.text[v.n] = c
		v.n++
		return ""
	}
	if f.current != secondField {
		return ReasonTooLong
	}
	v.cut = true
	return ""
}

// finish ends the current capture. Control characters and broken UTF-8 in what decides
// have more than one reading.
func (f *fields) finish() string {
	if f.current == noField {
		return ""
	}
	id := f.current
	f.current = noField
	if id == secretField {
		return "" // any password is Odoo's to judge
	}
	v := &f.value[id]
	if v.kind != kindText {
		return "" // a uid, with what white space Python's int() takes
	}
	if f.bad || (!v.cut && !utf8.Valid(v.text[:v.n])) {
		return ReasonEncoding
	}
	return ""
}

func (f *fields) text(id field) string {
	v := &f.value[id]
	if v.kind != kindText {
		return ""
	}
	return string(v.text[:v.n])
}

// is compares without copying.
func (f *fields) is(id field, word string) bool {
	v := &f.value[id]
	return v.kind == kindText && string(v.text[:v.n]) == word
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
