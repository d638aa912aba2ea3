package harness

import (
	"fmt"
	"testing"
	"time"
)

// Patience is how long a test waits for something that should happen soon. It is generous
// because a shared machine with two cores may be busy; nothing is decided by it.
const Patience = 30 * time.Second

// Eventually polls until try returns nil. After the time it fails the test with the last
// error.
func Eventually(t testing.TB, within time.Duration, what string, try func() error) {
	t.Helper()
	if err := Poll(within, try); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Poll calls try until it returns nil or the time is over.
func Poll(within time.Duration, try func() error) error {
	deadline := time.Now().Add(within)
	pause := 5 * time.Millisecond
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %w", within, err)
		}
		<-time.After(pause)
		pause = min(pause*2, 100*time.Millisecond)
	}
}
