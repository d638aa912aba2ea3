package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func savedText(t *testing.T) []byte {
	t.Helper()
	s := Compile(Document{Resources: Parse("a.yaml", declared(1, "h"))}, nil, Options{})
	var out bytes.Buffer
	if err := s.Save(&out); err != nil || len(s.Tenants) != 1 {
		t.Fatal(err, s.Problems)
	}
	return out.Bytes()
}

func TestRestoreRefusesWhatIsNotWhole(t *testing.T) {
	good := savedText(t)
	for name, data := range map[string][]byte{
		"nothing":              nil,
		"cut in half":          good[:len(good)/2],
		"cut at a line":        good[:bytes.LastIndexByte(good[:len(good)-1], '\n')+1],
		"one byte changed":     bytes.Replace(good, []byte("10.0.0.1"), []byte("10.0.0.2"), 1),
		"more after the end":   append(bytes.Clone(good), "{}\n"...),
		"two of them together": append(bytes.Clone(good), good...),
	} {
		if _, err := Restore(data, Options{}); !errors.Is(err, ErrSaved) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	restored, err := Restore(good, Options{})
	if err != nil || len(restored.Tenants) != 1 {
		t.Fatal(err)
	}
	if !strings.Contains(restored.Problems.String(), "serving the last good snapshot") {
		t.Errorf("it does not say what it is: %s", restored.Problems)
	}
}

// A saved snapshot may come from a newer version that enforced what this one cannot.
func TestRestoreRefusesWhatItCannotEnforce(t *testing.T) {
	s := Compile(Document{Resources: Parse("a.yaml", declared(1, "h"))}, nil, Options{})
	source := s.tenants["t1"].source
	text := strings.Replace(source.Text, "database: d", `database: d, access: [{paths: ["/my/**"], policy: p}]`, 1)
	s.tenants["t1"].source = ParseOne(text).At(source.File, source.Line)
	var out bytes.Buffer
	if err := s.Save(&out); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(out.Bytes(), Options{})
	if err != nil || len(restored.Tenants) != 0 || !strings.Contains(restored.Problems.String(), "refusing to serve t1 open") {
		t.Errorf("%v: served %d; %s", err, len(restored.Tenants), restored.Problems)
	}
}

func TestRestoreNeverPanics(t *testing.T) {
	s, err := Restore([]byte(`{"format":1}
{"sum":"0000"}
`), Options{})
	if err == nil {
		t.Errorf("restored %+v", s)
	}
}
