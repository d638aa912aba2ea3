package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen shows a few lines on a terminal and replaces them by the next ones.
type screen struct {
	w     io.Writer
	size  func() (width, height int)
	lines int // that stand there now
}

// newScreen is nil when w is no terminal.
func newScreen(w io.Writer) *screen {
	if !isTerminal(w) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &screen{w: w, size: func() (int, int) {
		width, height, err := term.GetSize(int(w.(*os.File).Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}}
}

// show replaces what stands there. Lines are cut to the width: one that wraps would count
// as two, and what follows would be drawn over the wrong ones. What does not fit the height
// loses its oldest lines, those at the end of the list.
func (s *screen) show(lines []string) {
	width, height := s.size()
	if len(lines) > height-1 {
		lines = lines[:max(0, height-1)]
	}
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	for _, line := range lines {
		b.WriteString("\r" + cut(line, width) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(s.w, b.String())
	s.lines = len(lines)
}

// cut keeps a line within a width.
func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(0, width-1)]) + "…"
}
