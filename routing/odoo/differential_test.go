package odoo

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// The scanner must read a body as the parsers that Odoo uses. This test puts a few thousand
// bodies, whole and broken, to both. It fails where there is no Python: without it nothing
// proves the claim.

type oracleCase struct {
	Kind  string `json:"kind"`
	Body  []byte `json:"body"` // base64 in JSON
	whole bool   // not broken on purpose: the scanner must take it
}

type oracleAnswer struct {
	OK     bool               `json:"ok"`
	NaN    bool               `json:"nan"`
	Fields map[string]*string `json:"fields"`
}

// askPython runs one process for all cases.
func askPython(t *testing.T, cases []oracleCase) []oracleAnswer {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		python = "/usr/bin/python3"
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	var in strings.Builder
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(line)
		in.WriteByte('\n')
	}
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3 is needed to compare with what Odoo would read: %v", err)
	}
	var answers []oracleAnswer
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a oracleAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers for %d bodies", len(answers), len(cases))
	}
	return answers
}

var oracleKinds = map[string]Kind{"xml": XMLRPC, "json": JSONRPC, "auth": JSONAuth, "form": LoginForm, "two": JSONTwo}

func TestScannerAgreesWithPython(t *testing.T) {
	r := rand.New(rand.NewSource(20261122))
	var cases []oracleCase
	for range 1200 {
		for _, kind := range []string{"xml", "json", "auth", "form", "two"} {
			body := randomBody(r, kind)
			cases = append(cases, oracleCase{Kind: kind, Body: []byte(body), whole: true})
			cases = append(cases, oracleCase{Kind: kind, Body: []byte(mutate(r, kind, body))})
			cases = append(cases, oracleCase{Kind: kind, Body: []byte(mutate(r, kind, mutate(r, kind, body)))})
		}
	}
	answers := askPython(t, cases)
	var agreed, stricter, laxer, both int
	for i, c := range cases {
		var secret string
		s := NewScanner(oracleKinds[c.Kind])
		s.Credential = func(b []byte) { secret = string(b) }
		_, _ = s.Write(c.Body)
		call, err := s.Close()
		a := answers[i]
		switch {
		case err == nil && a.OK:
			agreed++
			compareCall(t, c, call, secret, a)
		case err != nil && a.OK:
			stricter++
			checkRefusal(t, c, reasonOf(err), a)
		case err == nil:
			laxer++
			if !call.Empty && (c.Kind == "json" || c.Kind == "auth") || c.Kind == "two" && !call.Unsure && !call.Empty {
				t.Errorf("%s: the scanner takes what json refuses: %q", c.Kind, c.Body)
			}
		default:
			both++
		}
	}
	t.Logf("%d bodies: %d read alike, %d refused by both, %d refused by us alone, %d by Python alone", len(cases), agreed, both, stricter, laxer)
	if agreed < len(cases)/3 {
		t.Error("too few bodies were read to prove anything")
	}
}

// compareCall: whatever passes must mean the same to Odoo.
func compareCall(t *testing.T, c oracleCase, call Call, secret string, a oracleAnswer) {
	t.Helper()
	same := func(what, got, field string) {
		want := ""
		if v := a.Fields[field]; v != nil {
			want = *v
		}
		if got != want {
			t.Errorf("%s %s: we read %q, Python reads %q\n%q", c.Kind, what, got, want, c.Body)
		}
	}
	if c.Kind == "two" {
		compareAmounts(t, c, call, a)
		return
	}
	same("database", call.Database, "db")
	if !badText(a.Fields["secret"]) {
		same("credential", secret, "secret")
	}
	if c.Kind == "auth" || c.Kind == "form" {
		if !call.Truncated {
			same("login", call.Login, "second")
		}
		return
	}
	if c.Kind == "json" {
		same("service", call.Service, "service")
	}
	same("method", call.Method, "method")
	if call.Method == "execute" || call.Method == "execute_kw" {
		same("model", call.Model, "model")
		same("model's method", call.ModelMethod, "model_method")
		compareAmounts(t, c, call, a)
		if call.UID != "" && a.Fields["uid"] != nil && strings.TrimLeft(call.UID, "0") != strings.TrimLeft(*a.Fields["uid"], "0") {
			t.Errorf("%s uid: we read %q, Python reads %q", c.Kind, call.UID, *a.Fields["uid"])
		}
	}
	if call.SignsIn() && !call.Truncated {
		same("login", call.Login, "second")
	}
}

// compareAmounts: a call must not seem to ask for less than it does. A bound that we cannot
// read counts as none, which is the most.
func compareAmounts(t *testing.T, c oracleCase, call Call, a oracleAnswer) {
	t.Helper()
	if call.Unsure || a.Fields["records"] == nil {
		return
	}
	for field, got := range map[string]int{"records": call.Records, "rows": call.Rows, "limit": call.Limit} {
		want := *a.Fields[field]
		if strconv.Itoa(got) != want && (field != "limit" || got != 0 || (c.whole && c.Kind != "xml")) {
			t.Errorf("%s %s: we read %d, Python reads %s\n%q", c.Kind, field, got, want, c.Body)
		}
	}
}

// badText: a credential is handed on byte for byte, so what Python replaces or keeps as half
// a surrogate differs. It only feeds a fingerprint.
func badText(s *string) bool {
	return s != nil && (!utf8.ValidString(*s) || strings.ContainsAny(*s, "\ufffd\r\n"))
}

// checkRefusal: what Odoo reads may be refused only for the reasons we wrote down.
func checkRefusal(t *testing.T, c oracleCase, reason string, a oracleAnswer) {
	t.Helper()
	if c.whole {
		t.Errorf("%s: a good body is refused (%s): %q", c.Kind, reason, c.Body)
	}
	strict := []string{ReasonDuplicate, ReasonType, ReasonEncoding, ReasonTooLong, ReasonTooDeep}
	if c.Kind == "xml" {
		strict = append(strict, ReasonMarkup, ReasonMalformed) // only the specification's grammar passes
	}
	if !slices.Contains(strict, reason) && !a.NaN {
		t.Errorf("%s: refused (%s) what Python reads: %q", c.Kind, reason, c.Body)
	}
}

// The path that rules see is the path that Werkzeug routes.
func TestDecodePathAgreesWithPython(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	pieces := []string{"/", "//", "web", "database", "manager", "%2f", "%2F", "%64", "..", ".", "%2e", "%25", "%5c", "%00", "xmlrpc", "2", "db", "fr", "é", "%c3%a9", "%zz", "%", "+", ";", ":", "@", "image", "content", "%20", "~"}
	var cases []oracleCase
	for range 3000 {
		path := "/"
		for range r.Intn(9) {
			path += pieces[r.Intn(len(pieces))]
		}
		cases = append(cases, oracleCase{Kind: "path", Body: []byte(path)})
	}
	for i, a := range askPython(t, cases) {
		got, err := DecodePath(string(cases[i].Body))
		if err != nil {
			continue
		}
		seen := make([]byte, 0, len(got))
		for _, c := range *a.Fields["path"] {
			seen = append(seen, byte(c))
		}
		if got != string(seen) {
			t.Errorf("%q: we see %q, Odoo sees %q", cases[i].Body, got, seen)
		}
	}
}
