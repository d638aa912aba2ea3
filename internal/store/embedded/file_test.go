package embedded

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.etcd.io/bbolt"
)

// opened is a store without Run: the test says when it writes.
func opened(t *testing.T, dir string, log *slog.Logger) *Store {
	t.Helper()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := New(Config{Dir: dir, Log: log, Metrics: prometheus.NewRegistry()})
	t.Cleanup(s.Release)
	return s
}

func TestPinsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s, stop := start(t, Config{Dir: dir})
	for i := range 25_000 { // more than two batches
		put(t, s, fmt.Sprint("k", i), fmt.Sprint("v", i), uint64(i), time.Hour)
	}
	put(t, s, "brief", "v", 1, 50*time.Millisecond)
	if err := s.ExpirePin(t.Context(), "acme", "k7", 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	stop()

	s = opened(t, dir, nil)
	for i := range 25_000 {
		if got := get(t, s, fmt.Sprint("k", i)); got != fmt.Sprint("v", i) {
			t.Fatalf("pin %d: got %q", i, got)
		}
	}
	if winner, _ := s.PutPin(t.Context(), "acme", "k9", "older", 8, time.Hour); winner != "v9" {
		t.Errorf("the epoch was not kept: %q", winner)
	}
	n := name{"acme", "k7"}
	if left := time.Until(time.UnixMilli(s.shard(n).pins[n].expires)); left < 119*time.Minute {
		t.Errorf("the new end of a pin was not kept: %s left", left)
	}
}

// TestMain serves as the process that TestKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SLUICE_STORE_CHILD"); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// child puts pins for as long as it lives, and prints each.
func child(dir string) {
	s := New(Config{Dir: dir, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	go func() { _ = s.Run(context.Background()) }()
	tick := time.NewTicker(50 * time.Microsecond)
	for i := 0; ; i++ {
		<-tick.C
		if _, err := s.PutPin(context.Background(), "acme", fmt.Sprint("k", i), fmt.Sprint("v", i), 1, time.Hour); err != nil {
			return
		}
		fmt.Println(i, time.Now().UnixMilli())
	}
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		kill := exec.Command(os.Args[0])
		kill.Env = append(os.Environ(), "SLUICE_STORE_CHILD="+dir)
		out, err := kill.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := kill.Start(); err != nil {
			t.Fatal(err)
		}
		at := make([]int64, 0, 1<<16)
		stop := time.Now().Add(time.Second + time.Duration(rand.IntN(300))*time.Millisecond)
		for lines := bufio.NewScanner(out); lines.Scan() && time.Now().Before(stop); {
			var i int
			var when int64
			if _, err := fmt.Sscan(lines.Text(), &i, &when); err != nil || i != len(at) {
				t.Fatalf("line %q: %v", lines.Text(), err)
			}
			at = append(at, when)
		}
		_ = kill.Process.Signal(syscall.SIGKILL)
		_ = kill.Wait()
		killed := at[len(at)-1]

		log, text := journal()
		s := opened(t, dir, log)
		if strings.Contains(text.String(), "damaged") {
			t.Fatalf("round %d: %s", round, text)
		}
		for i, when := range at {
			age := time.Duration(killed-when) * time.Millisecond
			if get(t, s, fmt.Sprint("k", i)) == "" && age > batchWait+slack {
				t.Fatalf("round %d: a pin put %s before the end is lost", round, age)
			}
		}
		s.Release()
	}
}

// slack is what a loaded machine may take to write a batch.
const slack = time.Second

// damage are ways in which a file can be broken.
func damage() map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"no bbolt file":               func([]byte) []byte { return bytes.Repeat([]byte("not a database\n"), 1000) },
		"a few bytes":                 func([]byte) []byte { return []byte("x") },
		"one page":                    func(b []byte) []byte { return b[:4096] },
		"cut in half":                 func(b []byte) []byte { return b[:len(b)/2] },
		"cut in the middle of a page": func(b []byte) []byte { return b[:len(b)/2+100] },
		"zeros after the head":        func(b []byte) []byte { return append(b[:8192:8192], make([]byte, len(b)-8192)...) },
		"zeros all over":              func(b []byte) []byte { return make([]byte, len(b)) },
		"noise after the head":        func(b []byte) []byte { return append(b[:8192:8192], noise(len(b)-8192)...) },
		"noise in the second half":    func(b []byte) []byte { return append(b[:len(b)/2:len(b)/2], noise(len(b)-len(b)/2)...) },
	}
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestDamagedFile(t *testing.T) {
	source := t.TempDir()
	s, stop := start(t, Config{Dir: source})
	for i := range 20_000 {
		put(t, s, fmt.Sprint("k", i), "v", 1, time.Hour)
	}
	stop()
	whole, err := os.ReadFile(filepath.Join(source, fileName))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range damage() {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			broken := change(bytes.Clone(whole))
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			log, text := journal()
			s := opened(t, dir, log)
			if get(t, s, "k1") != "" || !strings.Contains(text.String(), "level=ERROR") || !strings.Contains(text.String(), "starts empty") {
				t.Fatalf("got %q; log: %s", get(t, s, "k1"), text)
			}
			if kept, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(kept, broken) {
				t.Errorf("the damaged file was not kept as it was: %v", err)
			}
			put(t, s, "new", "v", 1, time.Hour)
			s.Release()
			if s = opened(t, dir, nil); get(t, s, "new") != "v" {
				t.Error("the new file does not keep what is put")
			}
		})
	}
}

// Whatever bits flip, the store opens, and what it says is a value that was put or none.
func FuzzDamagedFile(f *testing.F) {
	source := f.TempDir()
	s := New(Config{Dir: source, Log: slog.New(slog.DiscardHandler)})
	for i := range 300 {
		if _, err := s.PutPin(f.Context(), "acme", fmt.Sprint("k", i), fmt.Sprint("v", i), 1, time.Hour); err != nil {
			f.Fatal(err)
		}
	}
	s.Release()
	whole, err := os.ReadFile(filepath.Join(source, fileName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{0xff}, uint32(0))
	f.Add(uint32(8200), []byte{1, 2, 3}, uint32(0))
	f.Add(uint32(8192+10), []byte{0xff, 0xff}, uint32(4096))
	f.Add(uint32(16384+8), []byte{0x02, 0x00}, uint32(0))
	f.Fuzz(func(t *testing.T, at uint32, change []byte, cut uint32) {
		broken := bytes.Clone(whole)
		copy(broken[int(at)%len(broken):], change)
		broken = broken[:len(broken)-int(cut)%len(broken)]
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), broken, 0o600); err != nil {
			t.Fatal(err)
		}
		log, text := journal()
		s := opened(t, dir, log)
		put(t, s, "new", "v", 1, time.Hour)
		s.Release()
		if s = opened(t, dir, log); get(t, s, "new") != "v" {
			t.Errorf("what was put after the damage is lost: %s", text)
		}
	})
}

func TestStrays(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, nil)
	put(t, s, "k", "v", 1, time.Hour)
	s.flush()
	if err := s.file.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(bucketName))
		return errors.Join(bucket.Put([]byte("no tenant"), make([]byte, 40)), bucket.Put([]byte("acme\x00short"), []byte("x")))
	}); err != nil {
		t.Fatal(err)
	}
	s.Release()
	registry := prometheus.NewRegistry()
	s = New(Config{Dir: dir, Log: slog.New(slog.DiscardHandler), Metrics: registry})
	defer s.Release()
	if get(t, s, "k") != "v" || s.count() != 1 {
		t.Errorf("got %q of %d", get(t, s, "k"), s.count())
	}
	want := "# HELP sluice_store_invalid_values_total Values in the store that were not ours to read (forged, cut short, of a wrong type): ignored and overwritten.\n" +
		"# TYPE sluice_store_invalid_values_total counter\nsluice_store_invalid_values_total{kind=\"pin\"} 2\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sluice_store_invalid_values_total"); err != nil {
		t.Error(err)
	}
}

// An upgrade in place: the old process lets go of the file, the new one takes over, and what
// either put meanwhile counts by its epoch.
func TestHandOver(t *testing.T) {
	dir := t.TempDir()
	old := opened(t, dir, nil)
	put(t, old, "shared", "old", 5, time.Hour)
	put(t, old, "only old", "v", 1, time.Hour)
	put(t, old, "later", "old", 2, time.Hour)

	log, text := journal()
	s := opened(t, dir, log)
	if !strings.Contains(text.String(), "another process has it open") {
		t.Fatalf("log: %s", text)
	}
	put(t, s, "shared", "new", 4, time.Hour)
	put(t, s, "later", "new", 2, time.Hour)
	put(t, s, "only new", "v", 1, time.Hour)
	s.tryOpen()
	if strings.Count(text.String(), "another process") != 1 {
		t.Errorf("said again: %s", text)
	}
	if get(t, s, "only old") != "" {
		t.Fatal("read through the lock")
	}

	old.Release()
	put(t, old, "after", "v", 1, time.Hour) // it still serves
	if get(t, old, "after") != "v" {
		t.Error("after letting go of the file the old one does not serve")
	}
	s.tryOpen()
	for key, want := range map[string]string{"shared": "old", "only old": "v", "later": "new", "only new": "v", "after": ""} {
		if got := get(t, s, key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	s.Release()
	last := opened(t, dir, nil)
	for key, want := range map[string]string{"shared": "old", "only old": "v", "later": "new", "only new": "v"} {
		if got := get(t, last, key); got != want {
			t.Errorf("in the file: %s: got %q, want %q", key, got, want)
		}
	}
	old.tryOpen()
	if old.file.db != nil {
		t.Error("who let go of the file took it again")
	}
}

// A disk that cannot be written is no reason to stop, nor to grow.
func TestDiskTrouble(t *testing.T) {
	dir := t.TempDir()
	log, text := journal()
	s := opened(t, dir, log)
	put(t, s, "before", "v", 1, time.Hour)
	s.flush()
	if err := s.file.db.Close(); err != nil { // every write fails from here on
		t.Fatal(err)
	}
	for i := range 100 {
		put(t, s, fmt.Sprint("k", i), "v", 1, time.Millisecond)
	}
	put(t, s, "k", "v", 1, time.Hour)
	s.flush()
	s.flush()
	if n := strings.Count(text.String(), "kept in memory and tried again"); n != 1 {
		t.Errorf("said %d times: %s", n, text)
	}
	for i := range s.shards {
		s.shards[i].sweep(time.Now().Add(time.Second).UnixMilli())
	}
	s.flush()
	marks := 0
	for i := range s.shards {
		marks += len(s.shards[i].dirty)
	}
	if marks != 1 || get(t, s, "k") != "v" {
		t.Errorf("%d marks, want that of the one pin that lives", marks)
	}
	db, _, err := open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.file.db = db
	s.flush()
	if !strings.Contains(text.String(), "in use again") {
		t.Error("the end of the trouble is not said")
	}
	s.Release()
	if s = opened(t, dir, nil); get(t, s, "k") != "v" {
		t.Error("what was put during the trouble is lost")
	}
}

func TestUnusableFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log, text := journal()
	s := opened(t, dir, log)
	put(t, s, "k", "v", 1, time.Hour)
	if get(t, s, "k") != "v" || !strings.Contains(text.String(), "kept in memory only") {
		t.Errorf("got %q; log: %s", get(t, s, "k"), text)
	}
}

// What the check lets through, bbolt can live with; and what bbolt wrote passes.
func TestCheckKnowsGoodFiles(t *testing.T) {
	for _, pins := range []int{0, 1, 10, 200, 5000, 100_000} {
		t.Run(fmt.Sprint(pins, " pins"), func(t *testing.T) {
			dir := t.TempDir()
			s := opened(t, dir, nil)
			for i := range pins {
				put(t, s, fmt.Sprint("k", i), strings.Repeat("v", 1+i%300), 1, time.Hour)
			}
			s.flush()
			for i := range pins / 2 { // leaves free pages
				n := name{"acme", fmt.Sprint("k", 2*i)}
				sh := s.shard(n)
				delete(sh.pins, n)
				sh.dirty[n] = struct{}{}
			}
			put(t, s, "big", strings.Repeat("v", 60_000), 1, time.Hour) // runs over pages
			s.Release()
			f, err := os.Open(filepath.Join(dir, fileName))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, _ := f.Stat()
			if err := check(f, info.Size()); err != nil {
				t.Error(err)
			}
		})
	}
}
