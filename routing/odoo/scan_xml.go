package odoo

// Where in an XML-RPC call the scanner is: what it has passed and what may follow. The
// grammar is the specification's and nothing else, because xmlrpc.client takes elements
// almost anywhere and reads a name or a value out of places no other parser would.
const (
	xmlStart       = iota // <methodCall>
	xmlName               // <methodName>
	xmlNameText           // the method's name, </methodName>
	xmlParams             // <params>, </methodCall>
	xmlParam              // <param>, </params>
	xmlValue              // <value>
	xmlParamEnd           // </param>
	xmlValueText          // text or a type, </value>
	xmlLeaf               // text of a scalar, its end
	xmlValueEnd           // </value>
	xmlArray              // <data>, </array>
	xmlData               // <value>, </data>
	xmlArrayEnd           // </array>
	xmlStruct             // <member>, </struct>
	xmlMember             // <name>
	xmlMemberName         // text, </name>
	xmlMemberValue        // <value>
	xmlMemberEnd          // </member>
	xmlAfterParams        // </methodCall>
	xmlDone               // white space only
)

// What kind of markup the scanner is in.
const (
	lexText = iota
	lexOpen // after <
	lexTag
	lexAttributes
	lexQuoted // an attribute's value
	lexSlash  // after the / of an empty element
	lexDeclaration
	lexEntity
)

const (
	maxTag         = 64
	maxAttributes  = 512
	maxDeclaration = 256
	maxEntity      = 10
)

// xmlScan reads an XML-RPC call: a methodName and params, of which the first is the
// database.
type xmlScan struct {
	place int
	lex   int
	began bool // past the byte order mark, if there is one
	bom   int  // bytes of the mark
	early bool // something stands before the declaration's place

	depth   int
	structs uint64 // bit i: the container at depth i+1 is a struct
	param   int    // params begun
	list    bool   // inside the model method's argument list
	second  bool   // inside what follows it: named arguments, or the second argument of execute
	named   slot   // of the named argument that is open
	number  bool   // the text is a whole number
	key     [16]byte
	keyLen  int // more than len(key): no key of ours

	buf    [maxDeclaration]byte // a tag, an entity or the declaration
	bufLen int
	ending bool // the tag is an end tag
	extra  int  // bytes of attributes
	quote  byte
	leaf   [maxTag]byte // the scalar element that is open
	leafN  int
}

func (s *xmlScan) reset() { *s = xmlScan{} }

func (s *xmlScan) end() string {
	if s.place != xmlDone || s.lex != lexText {
		return ReasonMalformed
	}
	return ""
}

func (s *xmlScan) scan(p []byte, f *fields) (int, string) {
	reason := ""
	for i := 0; i < len(p); {
		if s.lex == lexText {
			i, reason = s.scanText(p, i, f)
		} else {
			reason = s.markup(p[i], f)
			i++
		}
		if reason != "" {
			return i, reason
		}
	}
	return len(p), ""
}

// scanText reads up to the next markup.
func (s *xmlScan) scanText(p []byte, i int, f *fields) (int, string) {
	if !s.began {
		if s.byteOrderMark(p[i]) {
			return i + 1, ""
		}
		if s.bom%3 != 0 || p[i] >= 0xfe {
			return i, ReasonEncoding
		}
		s.began = true
	}
	start := i
	free := s.textPlace() && f.current == noField && !s.naming()
	for i < len(p) && p[i] != '<' && (free || p[i] != '&') {
		i++
	}
	if i > start {
		s.early = true
		if reason := s.text(p[start:i], f); reason != "" {
			return i, reason
		}
	}
	if i == len(p) {
		return i, ""
	}
	if p[i] == '&' {
		if !s.textPlace() {
			return i, ReasonMalformed
		}
		s.lex, s.bufLen = lexEntity, 0
		return i + 1, ""
	}
	s.lex, s.bufLen, s.ending, s.extra = lexOpen, 0, false, 0
	if next := s.wholeTag(p, i+1); next > 0 {
		return next, s.tagDone(false, f)
	}
	return i + 1, ""
}

// wholeTag takes a tag without attributes that lies in p as a whole, as nearly all do. It
// returns where the tag ends, 0 when the tag needs the long way.
func (s *xmlScan) wholeTag(p []byte, i int) int {
	ending := i < len(p) && p[i] == '/'
	if ending {
		i++
	}
	start := i
	for i < len(p) && isAlnum(p[i]) {
		i++
	}
	if i == len(p) || p[i] != '>' || i == start || i-start > maxTag {
		return 0
	}
	s.early, s.ending = true, ending
	s.bufLen = copy(s.buf[:], p[start:i])
	return i + 1
}

// byteOrderMark takes UTF-8's. UTF-16's makes no call at all.
func (s *xmlScan) byteOrderMark(c byte) bool {
	const mark = "\xef\xbb\xbf"
	if s.bom == len(mark) || mark[s.bom] != c {
		return false
	}
	s.bom++
	return true
}

// textPlace tells whether text may stand here; elsewhere only white space may.
func (s *xmlScan) textPlace() bool {
	switch s.place {
	case xmlNameText, xmlValueText, xmlLeaf, xmlMemberName:
		return true
	}
	return false
}

func (s *xmlScan) text(p []byte, f *fields) string {
	if s.textPlace() {
		s.amountText(p, f)
		return f.add(p)
	}
	for _, c := range p {
		if isSpace(c) {
			continue
		}
		if s.place == xmlDone {
			return ReasonTrailing
		}
		return ReasonMalformed
	}
	return ""
}
