package harness

import (
	"bytes"
	"strings"
	"sync"
)

// logLimit bounds what is kept of a log: the first half and the newest half.
const logLimit = 8 << 20

// Log keeps what a process prints.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps p; beyond the limit the oldest half goes.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > logLimit {
		l.text.Next(logLimit / 2)
	}
	return l.text.Write(p)
}

// String is the whole log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Tail is the last lines of the log.
func (l *Log) Tail(lines int) string {
	all := strings.Split(strings.TrimRight(l.String(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Contains says whether the log holds the text, whatever its case.
func (l *Log) Contains(text string) bool {
	return strings.Contains(strings.ToLower(l.String()), strings.ToLower(text))
}
