package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendTo(t *testing.T, l *Log, target string) Record {
	t.Helper()
	r, err := l.Append(Record{Actor: "ann", Role: "operator", Operation: "startCutover", Tenant: target, Target: target, Reason: "CHG-1\nand more"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func verified(t *testing.T, l *Log, want int) {
	t.Helper()
	if n, err := l.Verify(); n != want || err != nil {
		t.Errorf("the chain has %d records, %v; want %d", n, err, want)
	}
}

func TestTheChainGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	first := appendTo(t, l, "acme")
	second := appendTo(t, open(t, dir), "beta")
	if first.Sequence != 1 || first.Previous != "" || second.Sequence != 2 || second.Previous != first.Hash {
		t.Errorf("%+v then %+v", first, second)
	}
	verified(t, open(t, dir), 2)
	records, err := open(t, dir).Read(Query{Limit: 1})
	if err != nil || len(records) != 1 || records[0] != second {
		t.Errorf("the newest is %+v, %v", records, err)
	}
	only := func(r Record) bool { return r.Tenant == "acme" }
	if records, err := open(t, dir).Read(Query{Wanted: only}); err != nil || len(records) != 1 || records[0] != first {
		t.Errorf("of acme there is %+v, %v", records, err)
	}
}

func TestWhatWasChangedShows(t *testing.T) {
	for name, ruin := range map[string]func(rows []string) []string{
		"a reason is another":     func(rows []string) []string { rows[1] = strings.Replace(rows[1], "CHG-1", "CHG-2", 1); return rows },
		"a record is gone":        func(rows []string) []string { return append(rows[:1], rows[2:]...) },
		"two changed places":      func(rows []string) []string { rows[1], rows[2] = rows[2], rows[1]; return rows },
		"one was put in":          func(rows []string) []string { return append(rows[:2], append([]string{rows[1]}, rows[2:]...)...) },
		"one is no record at all": func(rows []string) []string { rows[1] = "{"; return rows },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir)
			for i := range 4 {
				appendTo(t, l, fmt.Sprint(i))
			}
			file := filepath.Join(dir, fileName)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rows := ruin(strings.Split(strings.TrimSpace(string(text)), "\n"))
			if err := os.WriteFile(file, []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if n, err := open(t, dir).Verify(); !errors.Is(err, ErrBroken) {
				t.Errorf("%d records, %v", n, err)
			}
		})
	}
}

func TestAHalfWrittenRecordIsCut(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	first := appendTo(t, l, "acme")
	f, err := os.OpenFile(filepath.Join(dir, fileName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"actor":"ann","ro`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	if second := appendTo(t, l, "beta"); second.Previous != first.Hash {
		t.Errorf("after the power went: %+v", second)
	}
	verified(t, l, 2)
}

func TestADiskThatTakesNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	appendTo(t, l, "acme")
	if err := os.Remove(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(Record{Operation: "x"}); err == nil {
		t.Error("it says that it was written")
	}
}

func TestTheChainGoesOnOverFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	l.full = 1000 // three records or so
	for i := range 20 {
		appendTo(t, l, fmt.Sprint("tenant", i))
		if i%7 == 6 {
			l = open(t, dir)
			l.full = 1000
		}
	}
	files, err := l.files()
	if err != nil || len(files) < 5 {
		t.Fatalf("files: %v, %v", files, err)
	}
	verified(t, open(t, dir), 20)
	if n, err := Verify(dir); n != 20 || err != nil {
		t.Errorf("from outside: %d, %v", n, err)
	}
	records, err := l.Read(Query{Limit: 8})
	if err != nil || len(records) != 8 || records[0].Tenant != "tenant19" || records[7].Tenant != "tenant12" {
		t.Errorf("the newest over files: %d, %v", len(records), err)
	}
	if err := os.Remove(files[2]); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir); !errors.Is(err, ErrBroken) {
		t.Errorf("a file between others is gone: %v", err)
	}
	if err := errors.Join(os.Remove(files[0]), os.Remove(files[1])); err != nil {
		t.Fatal(err)
	}
	if n, err := Verify(dir); n == 0 || err != nil {
		t.Errorf("the oldest were taken away to be kept elsewhere: %d, %v", n, err)
	}
}

func TestSomebodyTouchesTheFileMeanwhile(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	first := appendTo(t, l, "acme")
	file := filepath.Join(dir, fileName)
	if err := os.Rename(file, filepath.Join(t.TempDir(), "kept")); err != nil {
		t.Fatal(err)
	}
	if second := appendTo(t, l, "beta"); second.Previous != first.Hash {
		t.Errorf("after it was moved away: %+v", second)
	}
	verified(t, l, 1)
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(Record{Operation: "x"}); !errors.Is(err, ErrBroken) {
		t.Errorf("after it was overwritten: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "{}\n" {
		t.Errorf("the evidence is now %q, %v", text, err)
	}
}

func TestTwoAtATime(t *testing.T) {
	l := open(t, t.TempDir())
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := l.Append(Record{Target: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	verified(t, l, 20)
}
