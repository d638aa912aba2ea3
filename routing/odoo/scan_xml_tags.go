package odoo

import "strings"

// openTag decides what a start tag means at this place.
func (s *xmlScan) openTag(f *fields) string {
	switch {
	case s.place == xmlStart && s.tag("methodCall"):
		s.place = xmlName
	case s.place == xmlName && s.tag("methodName"):
		s.place = xmlNameText
		return f.begin(methodField, kindText)
	case s.place == xmlParams && s.tag("params"):
		s.place = xmlParam
	case s.place == xmlParam && s.tag("param"):
		s.place = xmlValue
	case (s.place == xmlValue || s.place == xmlData || s.place == xmlMemberValue) && s.tag("value"):
		return s.beginValue(f)
	case s.place == xmlValueText:
		return s.beginType(f)
	case s.place == xmlArray && s.tag("data"):
		s.place = xmlData
	case s.place == xmlStruct && s.tag("member"):
		s.place = xmlMember
	case s.place == xmlMember && s.tag("name"):
		s.place = xmlMemberName
		f.current = noField
		s.keyLen = 0
	case s.place == xmlDone:
		return ReasonTrailing
	case s.place == xmlAfterParams && s.tag("params"), s.place == xmlParams && s.tag("methodName"):
		return ReasonDuplicate
	default:
		return ReasonMalformed
	}
	return ""
}

// beginValue starts a value. One at the top decides by its position.
func (s *xmlScan) beginValue(f *fields) string {
	s.place, s.number = xmlValueText, false
	if s.depth == 0 {
		s.list, s.second = s.param == listPosition, s.param == listPosition+1
		f.counts.begin(positionSlot(plainSlots, s.param-listPosition))
		return f.begin(positionField(s.param), kindText)
	}
	s.count(f)
	f.counts.begin(s.amount(f))
	return f.begin(noField, kindText)
}

// beginType starts a type element. A prefix is ignored, as xmlrpc.client does: Apache's
// Java client writes ex:nil and ex:i8. What stood before must be white space, which
// xmlrpc.client forgets.
func (s *xmlScan) beginType(f *fields) string {
	if f.current != noField && f.inked {
		return ReasonMalformed
	}
	name := string(s.buf[:s.bufLen])
	switch name[strings.LastIndexByte(name, ':')+1:] {
	case "array":
		f.restart(kindOther)
		f.current = noField
		return s.push(false, f)
	case "struct":
		f.restart(kindOther)
		f.current = noField
		return s.push(true, f)
	case "string":
		f.restart(kindText)
	case "int", "i1", "i2", "i4", "i8", "biginteger":
		f.restart(kindNumber)
		s.number = true
		if f.current != secondField {
			f.current = noField
		}
	case "boolean", "double", "float", "bigdecimal", "base64", "dateTime.iso8601", "nil":
		f.restart(kindOther)
		f.current = noField
	default:
		return ReasonMalformed
	}
	s.single(f)
	s.leafN = copy(s.leaf[:], s.buf[:s.bufLen])
	s.place = xmlLeaf
	return ""
}

// closeTag decides what an end tag means at this place.
func (s *xmlScan) closeTag(f *fields) string {
	switch {
	case s.place == xmlNameText && s.tag("methodName"):
		s.place = xmlParams
		return f.finish()
	case (s.place == xmlParams || s.place == xmlAfterParams) && s.tag("methodCall"):
		s.place = xmlDone
	case s.place == xmlParam && s.tag("params"):
		s.place = xmlAfterParams
	case s.place == xmlParamEnd && s.tag("param"):
		s.place = xmlParam
		s.param++
	case (s.place == xmlValueText || s.place == xmlValueEnd) && s.tag("value"):
		return s.endValue(f)
	case s.place == xmlLeaf && s.tag(string(s.leaf[:s.leafN])):
		s.place = xmlValueEnd
	case s.place == xmlData && s.tag("data"):
		s.place = xmlArrayEnd
	case (s.place == xmlArray || s.place == xmlArrayEnd) && s.tag("array"),
		s.place == xmlStruct && s.tag("struct"):
		s.depth--
		s.place = xmlValueEnd
	case s.place == xmlMemberName && s.tag("name"):
		s.place = xmlMemberValue
	case s.place == xmlMemberEnd && s.tag("member"):
		s.place = xmlStruct
	default:
		return ReasonMalformed
	}
	return ""
}

func (s *xmlScan) endValue(f *fields) string {
	switch {
	case s.depth == 0:
		if s.place == xmlValueText {
			s.single(f)
		}
		s.place, s.list, s.second, s.named = xmlParamEnd, false, false, noSlot
	case s.inStruct():
		s.place = xmlMemberEnd
	default:
		s.place = xmlData
	}
	return f.finish()
}

func (s *xmlScan) inStruct() bool {
	return s.depth > 0 && s.structs&(1<<uint(s.depth-1)) != 0
}

func (s *xmlScan) push(isStruct bool, f *fields) string {
	if s.depth == maxDepth {
		return ReasonTooDeep
	}
	bit := uint64(1) << uint(s.depth)
	s.depth++
	s.structs &^= bit
	s.place = xmlArray
	if isStruct {
		s.structs |= bit
		s.place = xmlStruct
		s.single(f)
	}
	return ""
}

// single notes that the model method has one argument that is no list.
func (s *xmlScan) single(f *fields) {
	if s.list && s.depth <= 1 && f.items == 0 {
		s.list = false
		f.items = 1
	}
}
