package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// scene is a cutover as a person looks at it.
type scene struct {
	title   string
	now     string
	facts   [][2]string // label and text; without a text it is left out
	trouble []string    // what keeps it from going on, and what to do
	story   []string    // its timeline, newest last
	foot    []string
}

// storyLines is how much of the timeline a terminal shows at once.
const storyLines = 8

// lines are the scene for a terminal of a width; 0: as wide as it takes. What does not fit goes
// on in the next line: a command that somebody is to type must not lose its end.
func (s scene) lines(width int) []string {
	out := append([]string{s.title}, fold("  now        ", s.now, width)...)
	for _, t := range s.trouble {
		out = append(out, fold("  !! ", t, width)...)
	}
	for _, f := range s.facts {
		if f[1] != "" {
			out = append(out, fold(fmt.Sprintf("  %-10s ", f[0]), f[1], width)...)
		}
	}
	if len(s.story) > 0 {
		out = append(out, "")
		for _, line := range s.story {
			out = append(out, fold("  ", line, width)...)
		}
	}
	if len(s.foot) > 0 {
		out = append(append(out, ""), s.foot...)
	}
	return out
}

// fold breaks a text between words, and sets what follows below its beginning.
func fold(head, text string, width int) []string {
	room := width - utf8.RuneCountInString(head)
	if width == 0 || room < 20 {
		return []string{head + text}
	}
	var out []string
	line := head
	used := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if used > 0 && used+1+n > room {
			out = append(out, line)
			line, used = strings.Repeat(" ", utf8.RuneCountInString(head)), 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	return append(out, line)
}

// fact is the text behind a label.
func (s scene) fact(label string) string {
	for _, f := range s.facts {
		if f[0] == label {
			return f[1]
		}
	}
	return ""
}

// span is a time that people can say: 45 s, 4 min 10 s, 2 h 5 min, 3 days.
func span(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	hours, minutes, seconds := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case hours >= 48:
		return plural(hours/24, "day")
	case hours > 0:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", hours, minutes), " 0 min")
	case minutes > 0:
		return strings.TrimSuffix(fmt.Sprintf("%d min %d s", minutes, seconds), " 0 s")
	}
	return fmt.Sprintf("%d s", seconds)
}
