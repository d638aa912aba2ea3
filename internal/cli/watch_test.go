package cli

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines is an output that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// A connection that breaks does not end the watch, and what happened meanwhile is told once.
func TestWatchOutlivesItsConnection(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	f := newFake(t)
	f.starts("drain")
	var out, problems lines
	code := make(chan int, 1)
	go func() {
		code <- Execute(t.Context(), Deps{}, Streams{Out: &out, Err: &problems}, f.args("cutover", "watch", "acme"))
	}()
	until(t, "the watch has begun", func() bool { return strings.Contains(out.String(), "started: drain") })
	f.moves("draining", "half way", nil)
	until(t, "half way", func() bool { return strings.Contains(out.String(), "half way") })
	f.drop()
	until(t, "the loss is told", func() bool { return strings.Contains(out.String(), "connection lost, trying again") })
	f.moves("completed", "all is well", nil)
	if got := <-code; got != 0 {
		t.Fatalf("exit %d: %s", got, problems.String())
	}
	for _, text := range []string{"started: drain", "half way", "all is well"} {
		if n := strings.Count(out.String(), text); n != 1 {
			t.Errorf("%d times %q in\n%s", n, text, out.String())
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last[0] != "" || len(f.last) > 1 && f.last[1] != "1" {
		t.Errorf("asked for what follows %q", f.last)
	}
}
