package odoo

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// scanAll feeds body in chunks of size bytes.
func scanAll(kind Kind, body string, size int) (Call, string, error) {
	s := NewScanner(kind)
	secret := ""
	s.Credential = func(b []byte) { secret = string(b) }
	for rest := body; rest != ""; {
		n := min(size, len(rest))
		if _, err := s.Write([]byte(rest[:n])); err != nil {
			break
		}
		rest = rest[n:]
	}
	call, err := s.Close()
	return call, secret, err
}

func reasonOf(err error) string {
	var body *BodyError
	if errors.As(err, &body) {
		return body.Reason
	}
	return ""
}

func xmlCall(method string, params ...string) string {
	body := "<?xml version='1.0'?>\n<methodCall>\n<methodName>" + method + "</methodName>\n<params>\n"
	for _, p := range params {
		body += "<param>\n<value>" + p + "</value>\n</param>\n"
	}
	return body + "</params>\n</methodCall>\n"
}

func xmlString(s string) string { return "<string>" + s + "</string>" }

func xmlArrayOf(values ...string) string {
	return "<array><data>\n<value>" + strings.Join(values, "</value>\n<value>") + "</value>\n</data></array>"
}

func objectCall(rest ...string) string {
	return xmlCall("execute_kw", append([]string{xmlString("acme"), "<int>2</int>", xmlString("key"), xmlString("res.partner"), xmlString("read")}, rest...)...)
}

const jsonExecute = `{"jsonrpc":"2.0","method":"call","params":{"service":"object","method":"execute_kw","args":["acme",2,"key","res.partner","read",[[1,2,3]],{"fields":["name"]}]},"id":1}`

func TestScannerReads(t *testing.T) {
	object := Call{Method: "execute_kw", Database: "acme", UID: "2", Model: "res.partner", ModelMethod: "read", Records: 3}
	jsonObject := object
	jsonObject.Service = "object"
	for name, c := range map[string]struct {
		kind   Kind
		body   string
		want   Call
		secret string
	}{
		"XML execute_kw":               {XMLRPC, objectCall(xmlArrayOf(xmlArrayOf("<int>1</int>", "<int>2</int>", "<int>3</int>"))), object, "key"},
		"XML one record":               {XMLRPC, objectCall(xmlArrayOf("<struct><member><name>a</name><value>b</value></member></struct>")), with(object, 1), "key"},
		"XML without arguments":        {XMLRPC, objectCall(), with(object, 0), "key"},
		"XML empty list":               {XMLRPC, objectCall("<array><data/></array>"), with(object, 0), "key"},
		"XML values without type":      {XMLRPC, xmlCall("login", "acme", "admin", "secret"), Call{Method: "login", Database: "acme", Login: "admin"}, "secret"},
		"XML authenticate":             {XMLRPC, xmlCall("authenticate", xmlString("acme"), xmlString("admin"), xmlString("secret"), "<struct></struct>"), Call{Method: "authenticate", Database: "acme", Login: "admin"}, "secret"},
		"XML version":                  {XMLRPC, "<methodCall><methodName>version</methodName></methodCall>", Call{Method: "version"}, ""},
		"XML empty params":             {XMLRPC, "<methodCall><methodName>version</methodName><params/></methodCall>", Call{Method: "version"}, ""},
		"XML about(True)":              {XMLRPC, xmlCall("about", "<boolean>1</boolean>"), Call{Method: "about"}, ""},
		"XML entities":                 {XMLRPC, xmlCall("login", xmlString("a&#99;m&#x65;"), xmlString("&lt;&amp;&gt;&quot;&apos;"), xmlString("x&amp;y")), Call{Method: "login", Database: "acme", Login: `<&>"'`}, "x&y"},
		"XML white space around types": {XMLRPC, xmlCall("login", "\n  <string>acme</string>\n\t", "a", "b"), Call{Method: "login", Database: "acme", Login: "a"}, "b"},
		"XML uid as text":              {XMLRPC, xmlCall("execute_kw", "acme", "2", "key", "res.partner", "read"), with(object, 0), "key"},
		"XML uid with white space":     {XMLRPC, xmlCall("execute_kw", "acme", "<i4>\n2 </i4>", "key", "res.partner", "read"), with(object, 0), "key"},
		"XML namespaced type":          {XMLRPC, `<methodCall xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">` + xmlCall("login", "acme", "a", "b", "<ex:nil/>")[len("<?xml version='1.0'?>\n<methodCall>"):], Call{Method: "login", Database: "acme", Login: "a"}, "b"},
		"XML latin-1, as PHP sends it": {XMLRPC, strings.Replace(xmlCall("login", "caf\xe9", "a", "b"), "?>", ` encoding="iso-8859-1"?>`, 1), Call{Method: "login", Database: "café", Login: "a"}, "b"},
		"XML byte order mark":          {XMLRPC, "\xef\xbb\xbf" + xmlCall("login", "acme", "a", "b"), Call{Method: "login", Database: "acme", Login: "a"}, "b"},
		"XML empty database":           {XMLRPC, "<methodCall><methodName>db_exist</methodName><params><param><value/></param></params></methodCall>", Call{Method: "db_exist"}, ""},
		"XML execute":                  {XMLRPC, xmlCall("execute", "acme", "<int>2</int>", "key", "res.partner", "read", xmlArrayOf("<int>1</int>", "<int>2</int>")), with(Call{Method: "execute", Database: "acme", UID: "2", Model: "res.partner", ModelMethod: "read"}, 2), "key"},

		"JSON execute_kw":               {JSONRPC, jsonExecute, jsonObject, "key"},
		"JSON members in another order": {JSONRPC, `{"params":{"args":["acme",2,"key","res.partner","read",[[1,2,3]]],"method":"execute_kw","service":"object"}}`, jsonObject, "key"},
		"JSON escapes":                  {JSONRPC, `{"p\u0061rams":{"\u0073ervice":"ob\u006aect","method":"execute_kw","args":["\u0061cme","2","k\u00e9\ud83d\ude00","res.partner","read"]}}`, with(jsonObject, 0), "ké😀"},
		"JSON create":                   {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["acme",2,"key","res.partner","read",[{"a":[1,2]}]]}}`, with(jsonObject, 1), "key"},
		"JSON login":                    {JSONRPC, `{"params":{"service":"common","method":"login","args":["acme","admin","secret"]}}`, Call{Service: "common", Method: "login", Database: "acme", Login: "admin"}, "secret"},
		"JSON version":                  {JSONRPC, `{"params":{"service":"common","method":"version","args":[]}}`, Call{Service: "common", Method: "version"}, ""},
		"JSON db service":               {JSONRPC, `{"params":{"service":"db","method":"list","args":[]}}`, Call{Service: "db", Method: "list"}, ""},
		"JSON without params":           {JSONRPC, ` {"jsonrpc":"2.0"} `, Call{}, ""},
		"JSON names that only resemble": {JSONRPC, `{"Params":1,"params":{"Service":"db","service":"common","serviceserviceservice":"db","service\u00e9":1,"method":"about","args":[true]}}`, Call{Service: "common", Method: "about"}, ""},
		"JSON nested namesakes":         {JSONRPC, `{"x":{"params":{"service":"db"}},"params":{"y":{"service":"db"},"service":"common","method":"m","args":[]}}`, Call{Service: "common", Method: "m"}, ""},
		"JSON numbers":                  {JSONRPC, `{"id":-0.5e+10,"x":[0,1e5,1E-5,10.25,-1],"params":{}}`, Call{}, ""},
		"JSON broken UTF-8 elsewhere":   {JSONRPC, "{\"x\":\"\xff\",\"params\":{}}", Call{}, ""},

		"sign-in":                    {JSONAuth, `{"jsonrpc":"2.0","params":{"db":"acme","login":"admin","password":"secret","base_location":"x"}}`, Call{Service: "session", Method: "authenticate", Database: "acme", Login: "admin"}, "secret"},
		"sign-in without a database": {JSONAuth, `{"params":{"login":"a"}}`, Call{Service: "session", Method: "authenticate", Login: "a"}, ""},
		"form":                       {LoginForm, "csrf_token=x&login=admin%40acme.test&password=a+b%26&redirect=", Call{Service: "form", Method: "login", Login: "admin@acme.test"}, "a b&"},
		"form with a database":       {LoginForm, "%64b=acm%65&login=a", Call{Service: "form", Method: "login", Database: "acme", Login: "a"}, ""},
		"form with broken encoding":  {LoginForm, "db=50%&login=%4&password=%zz%", Call{Service: "form", Method: "login", Database: "50%", Login: "%4"}, "%zz%"},
		"form with empty pieces":     {LoginForm, "&&login&=&db=", Call{Service: "form", Method: "login"}, ""},
		"nothing":                    {JSONRPC, "", Call{Empty: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 3, 1 << 20} {
				call, secret, err := scanAll(c.kind, c.body, size)
				if err != nil || call != c.want || secret != c.secret {
					t.Errorf("in chunks of %d: got %+v, %q, %v; want %+v, %q", size, call, secret, err, c.want, c.secret)
				}
			}
		})
	}
}

func with(c Call, records int) Call {
	c.Records = records
	return c
}

func TestScannerRefuses(t *testing.T) {
	long := strings.Repeat("a", 129)
	deepJSON := `{"params":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65)
	deepXML := xmlCall("x", strings.Repeat("<array><data><value>", 65)+strings.Repeat("</value></data></array>", 65))
	for name, c := range map[string]struct {
		kind Kind
		body string
		want string
	}{
		"XML DOCTYPE":                       {XMLRPC, `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "acme">]>` + xmlCall("x"), ReasonMarkup},
		"XML comment":                       {XMLRPC, strings.Replace(objectCall(), "<params>", "<!-- x --><params>", 1), ReasonMarkup},
		"XML CDATA":                         {XMLRPC, xmlCall("login", "<![CDATA[acme]]>"), ReasonMarkup},
		"XML instruction":                   {XMLRPC, strings.Replace(objectCall(), "<params>", "<?x y?><params>", 1), ReasonMarkup},
		"XML declaration after white space": {XMLRPC, " " + xmlCall("x"), ReasonMarkup},
		"XML two declarations":              {XMLRPC, "<?xml version='1.0'?>" + xmlCall("x"), ReasonMarkup},
		"XML UTF-16":                        {XMLRPC, "\xff\xfe<\x00m\x00", ReasonEncoding},
		"XML UTF-7":                         {XMLRPC, `<?xml version="1.0" encoding="UTF-7"?>` + "<methodCall/>", ReasonEncoding},
		"XML windows-1252":                  {XMLRPC, `<?xml version="1.0" encoding="windows-1252"?>` + "<methodCall/>", ReasonEncoding},
		"XML byte order mark and latin-1":   {XMLRPC, "\xef\xbb\xbf<?xml version='1.0' encoding='iso-8859-1'?><methodCall/>", ReasonEncoding},
		"XML half a byte order mark":        {XMLRPC, "\xef\xbb<methodCall/>", ReasonEncoding},
		"XML two names":                     {XMLRPC, "<methodCall><methodName>a</methodName><methodName>b</methodName>", ReasonDuplicate},
		"XML two params":                    {XMLRPC, "<methodCall><methodName>a</methodName><params/><params/>", ReasonDuplicate},
		"XML params first":                  {XMLRPC, "<methodCall><params/><methodName>a</methodName></methodCall>", ReasonMalformed},
		"XML text around a type":            {XMLRPC, xmlCall("login", "x<string>acme</string>"), ReasonMalformed},
		"XML text after a type":             {XMLRPC, xmlCall("login", "<string>acme</string>x"), ReasonMalformed},
		"XML element inside text":           {XMLRPC, xmlCall("login", "<string>ac<b/>me</string>"), ReasonMalformed},
		"XML two types":                     {XMLRPC, xmlCall("login", "<string>a</string><string>b</string>"), ReasonMalformed},
		"XML string outside a value":        {XMLRPC, "<methodCall><methodName>login</methodName><params><string>acme</string>", ReasonMalformed},
		"XML two values in one param":       {XMLRPC, xmlCall("login", "a</value><value>b"), ReasonMalformed},
		"XML param without value":           {XMLRPC, "<methodCall><methodName>login</methodName><params><param/>", ReasonMalformed},
		"XML unknown type":                  {XMLRPC, xmlCall("login", "<text>acme</text>"), ReasonMalformed},
		"XML unknown entity":                {XMLRPC, xmlCall("login", "&acme;"), ReasonMalformed},
		"XML response":                      {XMLRPC, "<methodResponse/>", ReasonMalformed},
		"XML trailing element":              {XMLRPC, xmlCall("x") + "<a/>", ReasonTrailing},
		"XML trailing text":                 {XMLRPC, xmlCall("x") + "a", ReasonTrailing},
		"XML cut":                           {XMLRPC, xmlCall("x")[:60], ReasonMalformed},
		"XML long database":                 {XMLRPC, xmlCall("login", long), ReasonTooLong},
		"XML long tag":                      {XMLRPC, "<" + long + ">", ReasonTooLong},
		"XML long attributes":               {XMLRPC, "<methodCall a='" + strings.Repeat("x", 600) + "'>", ReasonTooLong},
		"XML long credential":               {XMLRPC, xmlCall("login", "a", "b", strings.Repeat("x", 4097)), ReasonTooLong},
		"XML too deep":                      {XMLRPC, deepXML, ReasonTooDeep},
		"XML database that is a number":     {XMLRPC, xmlCall("execute_kw", "<int>1</int>"), ReasonType},
		"XML database that is base64":       {XMLRPC, xmlCall("login", "<base64>YWNtZQ==</base64>"), ReasonType},
		"XML database that is an array":     {XMLRPC, xmlCall("authenticate", xmlArrayOf("acme")), ReasonType},
		"XML line feed in a database":       {XMLRPC, xmlCall("login", "acme\n"), ReasonEncoding},
		"XML broken UTF-8 in a database":    {XMLRPC, xmlCall("login", "acme\xff"), ReasonEncoding},

		"JSON batch":                     {JSONRPC, "[" + jsonExecute + "]", ReasonBatch},
		"JSON trailing":                  {JSONRPC, jsonExecute + "{}", ReasonTrailing},
		"JSON two params":                {JSONRPC, `{"params":{},"p\u0061rams":{}}`, ReasonDuplicate},
		"JSON two services":              {JSONRPC, `{"params":{"service":"common","\u0073ervice":"db"}}`, ReasonDuplicate},
		"JSON two methods":               {JSONRPC, `{"params":{"method":"a","method":"b"}}`, ReasonDuplicate},
		"JSON two args":                  {JSONRPC, `{"params":{"args":[],"\u0061rgs":[]}}`, ReasonDuplicate},
		"JSON two jsonrpc":               {JSONRPC, `{"jsonrpc":"2.0","jsonrpc":"2.0"}`, ReasonDuplicate},
		"JSON two ids":                   {JSONRPC, `{"id":1,"id":2}`, ReasonDuplicate},
		"JSON params as pairs":           {JSONRPC, `{"params":[["service","db"]]}`, ReasonType},
		"JSON params as text":            {JSONRPC, `{"params":"x"}`, ReasonType},
		"JSON args as object":            {JSONRPC, `{"params":{"service":"common","method":"login","args":{"beta":1}}}`, ReasonType},
		"JSON args as text":              {JSONRPC, `{"params":{"args":"beta"}}`, ReasonType},
		"JSON database as a list":        {JSONRPC, `{"params":{"service":"object","method":"execute","args":[["acme"]]}}`, ReasonType},
		"JSON database null":             {JSONRPC, `{"params":{"service":"common","method":"login","args":[null]}}`, ReasonType},
		"JSON service as a list":         {JSONRPC, `{"params":{"service":["db"]}}`, ReasonType},
		"JSON method null":               {JSONRPC, `{"params":{"method":null}}`, ReasonType},
		"JSON NaN":                       {JSONRPC, `{"id":NaN}`, ReasonMalformed},
		"JSON infinity":                  {JSONRPC, `{"id":-Infinity}`, ReasonMalformed},
		"JSON leading zero":              {JSONRPC, `{"id":01}`, ReasonMalformed},
		"JSON bare dot":                  {JSONRPC, `{"id":1.}`, ReasonMalformed},
		"JSON comma at the end":          {JSONRPC, `{"id":1,}`, ReasonMalformed},
		"JSON comma at an array's end":   {JSONRPC, `{"id":[1,]}`, ReasonMalformed},
		"JSON comment":                   {JSONRPC, `{/**/"id":1}`, ReasonMalformed},
		"JSON single quotes":             {JSONRPC, `{'id':1}`, ReasonMalformed},
		"JSON control character":         {JSONRPC, "{\"id\":\"a\nb\"}", ReasonMalformed},
		"JSON bad escape":                {JSONRPC, `{"id":"\x41"}`, ReasonMalformed},
		"JSON bad hex":                   {JSONRPC, `{"id":"\u00g0"}`, ReasonMalformed},
		"JSON crossed brackets":          {JSONRPC, `{"id":[1}`, ReasonMalformed},
		"JSON cut":                       {JSONRPC, jsonExecute[:50], ReasonMalformed},
		"JSON byte order mark":           {JSONRPC, "\xef\xbb\xbf" + jsonExecute, ReasonMalformed},
		"JSON UTF-16":                    {JSONRPC, "{\x00\"\x00", ReasonMalformed},
		"JSON too deep":                  {JSONRPC, deepJSON, ReasonTooDeep},
		"JSON long database":             {JSONRPC, `{"params":{"args":["` + long + `"]}}`, ReasonTooLong},
		"JSON long credential":           {JSONRPC, `{"params":{"args":["a",2,"` + strings.Repeat("x", 4097) + `"]}}`, ReasonTooLong},
		"JSON half a surrogate":          {JSONRPC, `{"params":{"args":["acme\ud800"]}}`, ReasonEncoding},
		"JSON NUL in a database":         {JSONRPC, `{"params":{"args":["acme\u0000"]}}`, ReasonEncoding},
		"a number":                       {JSONRPC, "1", ReasonMalformed},
		"sign-in with two databases":     {JSONAuth, `{"params":{"db":"acme","d\u0062":"beta"}}`, ReasonDuplicate},
		"sign-in with a list":            {JSONAuth, `{"params":{"db":["beta"]}}`, ReasonType},
		"form with two databases":        {LoginForm, "db=acme&%64b=beta", ReasonDuplicate},
		"form with two logins":           {LoginForm, "login=a&login=b", ReasonDuplicate},
		"form with a line feed":          {LoginForm, "db=a%0a", ReasonEncoding},
		"form in parts":                  {Unreadable, "--x\r\n", ReasonEncoding},
		"a kind that nobody knows":       {Kind(99), "x", ReasonEncoding},
		"XML method that is long":        {XMLRPC, "<methodCall><methodName>" + long, ReasonTooLong},
		"XML attribute of an end tag":    {XMLRPC, `<methodCall><methodName>a</methodName a="b">`, ReasonMalformed},
		"XML wrong end tag":              {XMLRPC, xmlCall("login", "<string>a</int>"), ReasonMalformed},
		"XML reference out of range":     {XMLRPC, xmlCall("login", "&#x110000;"), ReasonMalformed},
		"XML text in the structure":      {XMLRPC, "<methodCall>x", ReasonMalformed},
		"XML entity in the structure":    {XMLRPC, "<methodCall>&#32;", ReasonMalformed},
		"XML end before a name":          {XMLRPC, "<methodCall></methodCall>", ReasonMalformed},
		"XML self-closed empty end tag":  {XMLRPC, "<methodCall><//", ReasonMalformed},
		"XML database of a char control": {XMLRPC, xmlCall("login", "a&#10;b"), ReasonEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 3, 1 << 20} {
				call, _, err := scanAll(c.kind, c.body, size)
				if got := reasonOf(err); got != c.want || call != (Call{}) {
					t.Errorf("in chunks of %d: got %+v, %v; want %q", size, call, err, c.want)
				}
			}
		})
	}
}

func TestScanKind(t *testing.T) {
	for _, c := range []struct {
		path, kind string
		want       Kind
	}{
		{"/xmlrpc/2/object", "text/xml", XMLRPC},
		{"/xmlrpc/common", "", XMLRPC},
		{"/fr/xmlrpc/2/common/", "application/json", XMLRPC},
		{"/jsonrpc", "text/plain", JSONRPC},
		{"/e/jsonrpc", "application/json", JSONRPC},
		{"/web/session/authenticate", "application/json", JSONAuth},
		{"/web/login", "application/x-www-form-urlencoded; charset=utf-8", LoginForm},
		{"/nl/web/login", "Application/X-WWW-Form-Urlencoded", LoginForm},
		{"/web/login", "multipart/form-data; boundary=x", Unreadable},
		{"/web/login", "application/json", 0},
		{"/odoo/sales", "application/x-www-form-urlencoded", LoginForm},
		{"/web/dataset/call_kw", "application/json", 0},
		{"/web/binary/upload_attachment", "multipart/form-data; boundary=x", 0},
		{"/shop", "application/x-www-form-urlencoded", 0},
	} {
		if got, ok := ScanKind(c.path, "POST", c.kind); got != c.want || ok != (c.want != 0) {
			t.Errorf("ScanKind(%q, %q) = %v, %v; want %v", c.path, c.kind, got, ok, c.want)
		}
	}
}

func TestScannerKnowsTheServiceOfAPath(t *testing.T) {
	for path, want := range map[string]string{"/xmlrpc/2/object": "object", "/xmlrpc/common/": "common", "/fr/xmlrpc/2/db": "db"} {
		s, ok := NewScannerFor(path, "POST", "text/xml")
		if !ok {
			t.Fatalf("%s is not scanned", path)
		}
		if _, err := s.Write([]byte(xmlCall("login", "acme"))); err != nil {
			t.Fatal(err)
		}
		if call, err := s.Close(); err != nil || call.Service != want {
			t.Errorf("%s: got %+v, %v", path, call, err)
		}
	}
	if _, ok := NewScannerFor("/shop", "POST", ""); ok {
		t.Error("a shop page is scanned")
	}
	if model, method, ok := JSON2Call("/json/2/res.partner/search_read"); !ok || model != "res.partner" || method != "search_read" {
		t.Errorf("JSON2Call: got %q, %q, %v", model, method, ok)
	}
	if _, _, ok := JSON2Call("/json/2/res.partner"); ok {
		t.Error("a JSON-2 path without a method is no call")
	}
}

func TestScannerStaysRefused(t *testing.T) {
	s := NewScanner(JSONRPC)
	_, first := s.Write([]byte("["))
	_, second := s.Write([]byte("{}"))
	if _, err := s.Close(); first == nil || !errors.Is(second, first) || !errors.Is(err, first) {
		t.Errorf("got %v, %v, %v", first, second, err)
	}
	s.Reset(JSONRPC)
	if _, err := s.Write([]byte(jsonExecute)); err != nil {
		t.Error(err)
	}
}

// A login may be longer than any name we compare; it is cut and says so.
func TestLongLoginIsCut(t *testing.T) {
	call, _, err := scanAll(XMLRPC, xmlCall("login", "acme", strings.Repeat("a", 1000), "x"), 7)
	if err != nil || !call.Truncated || len(call.Login) != maxName {
		t.Errorf("got %+v, %v", call, err)
	}
}

func benchmarkScanner(b *testing.B, kind Kind, body []byte) {
	s := NewScanner(kind)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset(kind)
		if _, err := s.Write(body); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanner(b *testing.B) {
	var ids, rows strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&ids, "<value><int>%d</int></value>\n", 100000+i)
		fmt.Fprintf(&rows, `%s{"name":"Partner number %d","email":"p%d@example.test","active":true}`, strings.Repeat(",", min(i, 1)), i, i)
	}
	b.Run("XML small", func(b *testing.B) {
		benchmarkScanner(b, XMLRPC, []byte(objectCall(xmlArrayOf(xmlArrayOf("<int>1</int>")))))
	})
	b.Run("XML 80 KB of ids", func(b *testing.B) {
		benchmarkScanner(b, XMLRPC, []byte(objectCall(xmlArrayOf("<array><data>"+ids.String()+"</data></array>"))))
	})
	b.Run("XML 1 MB text", func(b *testing.B) {
		benchmarkScanner(b, XMLRPC, []byte(objectCall(xmlArrayOf(xmlString(strings.Repeat("some text ", 100_000))))))
	})
	b.Run("JSON small", func(b *testing.B) { benchmarkScanner(b, JSONRPC, []byte(jsonExecute)) })
	b.Run("JSON 150 KB of rows", func(b *testing.B) {
		benchmarkScanner(b, JSONRPC, []byte(strings.Replace(jsonExecute, "[[1,2,3]]", "[["+rows.String()+"]]", 1)))
	})
	b.Run("JSON 1 MB text", func(b *testing.B) {
		benchmarkScanner(b, JSONRPC, []byte(strings.Replace(jsonExecute, "[[1,2,3]]", `["`+strings.Repeat("some text ", 100_000)+`"]`, 1)))
	})
	b.Run("form", func(b *testing.B) {
		benchmarkScanner(b, LoginForm, []byte("csrf_token=0123456789abcdef&login=admin%40acme.test&password=secret&redirect=%2Fodoo"))
	})
}
