package odoo

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math/rand"
	"net/url"
	"strings"
)

func pick(r *rand.Rand, words ...string) string { return words[r.Intn(len(words))] }

func word(r *rand.Rand) string {
	return pick(r, "acme", "beta", "café", "a.c", "res.partner", "read", "", "x y", "a&b<c>\"'", "😀", "admin@acme.test", "0", "2", strings.Repeat("long", 20))
}

func randomBody(r *rand.Rand, kind string) string {
	switch kind {
	case "xml":
		return randomXML(r)
	case "json":
		return randomJSON(r, false)
	case "auth":
		return randomJSON(r, true)
	case "two":
		return randomTwo(r)
	}
	pairs := []string{"login=" + url.QueryEscape(word(r)), "password=" + url.QueryEscape(word(r)), "redirect=" + url.QueryEscape(word(r)), pick(r, "csrf_token=0a", "&", "x", "=")}
	if r.Intn(2) == 0 {
		pairs = append(pairs, pick(r, "db", "%64b", "d%62")+"="+url.QueryEscape(word(r)))
	}
	r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	return strings.Join(pairs, "&")
}

func randomXML(r *rand.Rand) string {
	method := pick(r, "execute_kw", "execute", "login", "authenticate", "version", "db_exist", "search")
	var out strings.Builder
	out.WriteString(pick(r, "", "<?xml version='1.0'?>\n", `<?xml version="1.0" encoding="utf-8"?>`, "<?xml version='1.0' encoding='US-ASCII' ?>", "\xef\xbb\xbf"))
	out.WriteString(pick(r, "<methodCall>", "<methodCall >", "\n<methodCall xmlns:ex='http://x'>\r\n"))
	fmt.Fprintf(&out, "<methodName>%s</methodName>%s", method, pick(r, "", "\n ", "\t"))
	if n := r.Intn(8); n > 0 || r.Intn(2) == 0 {
		out.WriteString("<params>")
		for i := range n {
			fmt.Fprintf(&out, "<param>%s<value>%s</value></param>", pick(r, "", " ", "\n"), randomXMLValue(r, i, 3))
		}
		out.WriteString("</params>")
	}
	out.WriteString(pick(r, "</methodCall>", "\n</methodCall >\n", " </methodCall> \r\n"))
	return out.String()
}

func xmlText(r *rand.Rand) string {
	var out strings.Builder
	for _, c := range word(r) {
		if r.Intn(8) == 0 || c == '<' || c == '&' {
			fmt.Fprintf(&out, pick(r, "&#%d;", "&#x%x;", "&#x%X;"), c)
			continue
		}
		if c == '>' || c == '"' {
			_ = xml.EscapeText(&out, []byte(string(c)))
			continue
		}
		out.WriteRune(c)
	}
	return out.String()
}

// randomXMLValue: the first parameter is a text (or there is none of the calls that name a
// database), the second a uid or a login.
func randomXMLValue(r *rand.Rand, position, depth int) string {
	space := pick(r, "", "", "\n  ")
	kinds := 2
	if position == 4 && r.Intn(2) == 0 {
		return pick(r, searches...)
	}
	if position == 5 && r.Intn(2) == 0 {
		return randomXMLArgs(r)
	}
	if position == 6 && r.Intn(2) == 0 {
		return randomXMLNamed(r)
	}
	if position == 1 || position > 4 {
		kinds = 9
	}
	switch n := r.Intn(kinds); {
	case n == 0:
		return xmlText(r)
	case n == 1 || depth == 0:
		return space + "<string>" + xmlText(r) + "</string>" + space
	case n == 2:
		return space + pick(r, "<int>2</int>", "<i4>\n77 </i4>", "<ex:i8>123</ex:i8>") + space
	case n == 3:
		return pick(r, "<nil/>", "<ex:nil/>", "<boolean>1</boolean>", "<double>1.5</double>", "<dateTime.iso8601>20261122T10:00:00</dateTime.iso8601>", "<base64>YQ==</base64>", "<string/>")
	case n < 6:
		out := "<struct>"
		for range r.Intn(3) {
			out += space + "<member><name>" + xmlText(r) + "</name><value>" + randomXMLValue(r, 9, depth-1) + "</value></member>"
		}
		return out + "</struct>"
	}
	out := "<array>" + space + "<data>"
	for range r.Intn(4) {
		out += "<value>" + randomXMLValue(r, 9, depth-1) + "</value>" + space
	}
	return out + "</data></array>"
}

// jsonText writes a text with escapes that encoding/json would not choose.
func jsonText(r *rand.Rand, s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range s {
		switch {
		case c < 0x80 && r.Intn(6) == 0:
			fmt.Fprintf(&out, pick(r, `\u%04x`, `\u%04X`), c)
		case c == '"' || c == '\\' || c == '/':
			out.WriteByte('\\')
			out.WriteRune(c)
		case c > 0xffff && r.Intn(2) == 0:
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(c-0x10000)>>10, 0xdc00+(c-0x10000)&0x3ff)
		default:
			out.WriteRune(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func randomJSONValue(r *rand.Rand, depth int) string {
	switch n := r.Intn(8); {
	case n < 3 || depth == 0:
		return jsonText(r, word(r))
	case n == 3:
		return pick(r, "1", "-0", "2.5e-3", "123456789", "true", "false", "null")
	case n < 6:
		return "[" + strings.Join(some(r, func() string { return randomJSONValue(r, depth-1) }), pick(r, ",", " , ")) + "]"
	}
	return "{" + strings.Join(some(r, func() string { return jsonText(r, word(r)) + ":" + randomJSONValue(r, depth-1) }), ",") + "}"
}

func some(r *rand.Rand, make func() string) []string {
	var out []string
	for range r.Intn(4) {
		out = append(out, make())
	}
	return out
}

func randomJSON(r *rand.Rand, auth bool) string {
	var params []string
	member := func(key, value string) string { return jsonText(r, key) + pick(r, ":", " : ", ":\n") + value }
	if auth {
		params = append(params, member("db", jsonText(r, word(r))), member("login", jsonText(r, word(r))), member("password", jsonText(r, word(r))))
	} else {
		method := pick(r, "execute_kw", "execute", "login", "authenticate", "version")
		args := []string{}
		for i := range r.Intn(8) {
			args = append(args, randomArg(r, i))
		}
		params = append(params, member("service", jsonText(r, pick(r, "object", "common", "db"))), member("method", jsonText(r, method)), member("args", "["+strings.Join(args, ",")+"]"))
	}
	params = append(params, member("extra", randomJSONValue(r, 3)))
	outer := []string{member("jsonrpc", `"2.0"`), member("method", `"call"`), member("id", pick(r, "1", "null", `"x"`, "1.5e3")), member("context", randomJSONValue(r, 4))}
	r.Shuffle(len(params), func(i, j int) { params[i], params[j] = params[j], params[i] })
	outer = append(outer, member("params", "{"+strings.Join(params, pick(r, ",", "\t,\n"))+"}"))
	r.Shuffle(len(outer), func(i, j int) { outer[i], outer[j] = outer[j], outer[i] })
	body := pick(r, "", " ") + "{" + strings.Join(outer, ",") + "}" + pick(r, "", "\n")
	if !json.Valid([]byte(body)) {
		panic("made a bad body: " + body)
	}
	return body
}

func randomArg(r *rand.Rand, i int) string {
	switch {
	case i == 4 && r.Intn(2) == 0:
		return jsonText(r, pick(r, searches...))
	case i == 5 && r.Intn(2) == 0:
		return "[" + strings.Join(some(r, func() string { return randomAmount(r) }), ",") + "]"
	case i == 6 && r.Intn(2) == 0:
		return randomNamed(r)
	case i == 1:
		return pick(r, "2", jsonText(r, word(r)), `"17"`)
	case i < 5:
		return jsonText(r, word(r))
	}
	return randomJSONValue(r, 3)
}

// searches take a bound by position.
var searches = []string{"search", "search_read", "read_group", "web_read_group", "formatted_read_group", "load", "create"}

func randomAmount(r *rand.Rand) string {
	if r.Intn(2) == 0 {
		return "[" + strings.Join(some(r, func() string { return randomJSONValue(r, 3) }), ", ") + "]"
	}
	return pick(r, "0", "80", "1000000", "99999999999", "-5", "80.0", "1e3", "true", "false", "null", `"80"`, "{}", "[]")
}

func randomNamed(r *rand.Rand) string {
	members := some(r, func() string {
		return jsonText(r, pick(r, "limit", "ids", "limit", "offset", "context", "limits")) + ":" + randomAmount(r)
	})
	if r.Intn(2) == 0 {
		members = append(members, jsonText(r, pick(r, "vals_list", "data"))+": "+randomAmount(r))
	}
	return "{" + strings.Join(members, " ,") + "}"
}

func randomTwo(r *rand.Rand) string {
	return pick(r, "", " \n") + randomNamed(r) + pick(r, "", "\n")
}

func randomXMLAmount(r *rand.Rand) string {
	if r.Intn(2) == 0 {
		return "<array><data>" + strings.Join(some(r, func() string { return "<value>" + randomXMLValue(r, 9, 3) + "</value>" }), " ") + "</data></array>"
	}
	return pick(r, "<int>80</int>", "<i4>0</i4>", "<int> 80\n</int>", "<i8>99999999999</i8>", "<int>-5</int>", "<double>80.0</double>",
		"<boolean>1</boolean>", "<nil/>", "80", "<string>80</string>", "<int>&#56;0</int>")
}

func randomXMLArgs(r *rand.Rand) string {
	return "<array><data>" + strings.Join(some(r, func() string { return "<value>" + randomXMLAmount(r) + "</value>" }), "\n") + "</data></array>"
}

func randomXMLNamed(r *rand.Rand) string {
	member := func(name string) string {
		return "<member><name>" + name + "</name><value>" + randomXMLAmount(r) + "</value></member>"
	}
	members := some(r, func() string { return member(pick(r, "limit", "li&#109;it", "ids", " limit", "offset", "context")) })
	if r.Intn(2) == 0 {
		members = append(members, member(pick(r, "vals_list", "data")))
	}
	return "<struct>" + strings.Join(members, "") + "</struct>"
}

// mutate breaks a body the way attackers and bugs do.
func mutate(r *rand.Rand, kind, body string) string {
	if body == "" {
		return "x"
	}
	tokens := []string{`"`, "{", "}", "[", "]", ",", ":", `\`, `\u0061`, `\ud800`, "null", "NaN", "0", "-", "e", `"params":{}`, `,"service":"db"`, `,"args":["beta"]`, "\x00", "\xff", " "}
	switch kind {
	case "xml":
		tokens = []string{"<", ">", "/", "&", "&amp;", "&#98;", "<value>", "</value>", "<string>", "</string>", "<string>beta</string>", "<param>", "</param>", "<nil/>", "<name>beta</name>", "<a/>", "<!-- -->", "<![CDATA[beta]]>", "<?x?>", "<ns:value>", "\x00", "\xff", "x", "<params/>", "<methodName>b</methodName>", "<value>beta</value>"}
	case "form":
		tokens = []string{"&", "=", "%", "%6", "%64b=beta", "&db=beta&", "+", ";", "\x00", "\xff", "&login"}
	}
	at := r.Intn(len(body))
	end := min(len(body), at+1+r.Intn(12))
	switch r.Intn(6) {
	case 0: // cut
		return body[:at]
	case 1: // leave out
		return body[:at] + body[end:]
	case 2: // twice
		return body[:end] + body[at:]
	case 3: // another byte
		return body[:at] + string([]byte{byte(r.Intn(256))}) + body[at+1:]
	case 4: // move a piece
		piece := body[at:end]
		rest := body[:at] + body[end:]
		to := r.Intn(len(rest) + 1)
		return rest[:to] + piece + rest[to:]
	}
	return body[:at] + tokens[r.Intn(len(tokens))] + body[at:]
}
