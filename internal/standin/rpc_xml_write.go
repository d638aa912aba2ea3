package standin

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
)

// writeXML appends a value in the form that Python's xmlrpc writes.
func writeXML(out *bytes.Buffer, value any) {
	out.WriteString("<value>")
	switch v := value.(type) {
	case nil:
		out.WriteString("<nil/>")
	case bool:
		fmt.Fprintf(out, "<boolean>%d</boolean>", map[bool]int{true: 1}[v])
	case int:
		fmt.Fprintf(out, "<int>%d</int>", v)
	case float64:
		if v == float64(int64(v)) {
			fmt.Fprintf(out, "<int>%d</int>", int64(v))
		} else {
			fmt.Fprintf(out, "<double>%g</double>", v)
		}
	case string:
		out.WriteString("<string>")
		writeText(out, v)
		out.WriteString("</string>")
	case []any:
		out.WriteString("<array><data>")
		for _, item := range v {
			writeXML(out, item)
		}
		out.WriteString("</data></array>")
	case object:
		writeXMLStruct(out, v)
	default:
		writeText(out, fmt.Sprint(v))
	}
	out.WriteString("</value>\n")
}

func writeXMLStruct(out *bytes.Buffer, fields object) {
	out.WriteString("<struct>\n")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out.WriteString("<member>\n<name>")
		writeText(out, name)
		out.WriteString("</name>\n")
		writeXML(out, fields[name])
		out.WriteString("</member>\n")
	}
	out.WriteString("</struct>")
}

func xmlResult(value any) []byte {
	var out bytes.Buffer
	out.WriteString("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n")
	writeXML(&out, value)
	out.WriteString("</param>\n</params>\n</methodResponse>\n")
	return out.Bytes()
}

// xmlFault has a number as its code in version 2 of the protocol and a string in version 1.
func xmlFault(code any, text string) []byte {
	var out bytes.Buffer
	out.WriteString("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n")
	writeXML(&out, object{"faultCode": code, "faultString": text})
	out.WriteString("</fault>\n</methodResponse>\n")
	return out.Bytes()
}

func writeText(out *bytes.Buffer, text string) {
	_ = xml.EscapeText(out, []byte(text)) // a buffer takes everything
}
