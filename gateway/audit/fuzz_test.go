package audit

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever stands in the file: it is read without harm, and a chain that verifies still does
// after one record more.
func FuzzFile(f *testing.F) {
	dir := f.TempDir()
	l, err := Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	for range 2 {
		if _, err := l.Append(Record{Actor: "ann", Target: "acme", Reason: "CHG-1"}); err != nil {
			f.Fatal(err)
		}
	}
	good, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(good), string(good[:len(good)-3]), "", "\n", "{}\n", "null\n", `{"sequence":18446744073709551615}` + "\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir)
		if err != nil {
			return
		}
		before, broken := l.Verify()
		if _, err := l.Append(Record{Actor: "ann"}); err != nil {
			t.Fatalf("it can be opened, but not be written: %v", err)
		}
		if after, err := l.Verify(); broken == nil && (err != nil || after != before+1) {
			t.Errorf("%d records verified, then %d: %v", before, after, err)
		}
	})
}
