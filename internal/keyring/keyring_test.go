package keyring

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func derive(t *testing.T, r *Ring, purpose string) []Key {
	t.Helper()
	keys, err := r.For(purpose)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestRingIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	rings := make([]*Ring, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			ring, err := Open(path, start)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = ring
		})
	}
	wg.Wait()
	for _, ring := range rings {
		if !bytes.Equal(derive(t, ring, "pins")[0].Secret, derive(t, rings[0], "pins")[0].Secret) {
			t.Fatal("two gateways that started at once have different keys")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPurposesDoNotShareKeys(t *testing.T) {
	ring, err := Open(filepath.Join(t.TempDir(), "keys"), start)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(derive(t, ring, "pins")[0].Secret, derive(t, ring, "sessions")[0].Secret) {
		t.Error("one key for two purposes")
	}
}

func TestFirstKeySignsAllVerify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	old, err := Open(path, start)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	added := "new " + "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU=" + "\n" + string(text)
	if err := os.WriteFile(path, []byte(added), 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := Open(path, start)
	if err != nil {
		t.Fatal(err)
	}
	keys := derive(t, both, "pins")
	if len(keys) != 2 || keys[0].Name != "new" || !bytes.Equal(keys[1].Secret, derive(t, old, "pins")[0].Secret) {
		t.Errorf("got %v", keys)
	}
}

func TestUnusableRingsAreRefused(t *testing.T) {
	for rule, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"empty":             {"", 0o600, "holds no key"},
		"a key too short":   {"k YWJj\n", 0o600, "line 1"},
		"no base64":         {"# x\nk ???\n", 0o600, "line 2"},
		"open to everybody": {"k bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU=\n", 0o644, "chmod 600"},
	} {
		t.Run(rule, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path, start); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
