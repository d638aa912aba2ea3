package cli

import (
	"fmt"
	"strings"
	"time"
)

// scene is a cutover as a person looks at it.
type scene struct {
	title   string
	facts   [][2]string // label and text; without a text it is left out
	trouble []string    // what keeps it from going on, and what to do
	story   []string    // its timeline, newest last
	foot    string
}

// storyLines is how much of the timeline a terminal shows at once.
const storyLines = 8

// lines are the scene for a terminal.
func (s scene) lines() []string {
	out := []string{s.title}
	for _, f := range s.facts {
		if f[1] != "" {
			out = append(out, fmt.Sprintf("  %-10s %s", f[0], f[1]))
		}
	}
	for _, t := range s.trouble {
		out = append(out, "  !! "+t)
	}
	if story := s.story[max(0, len(s.story)-storyLines):]; len(story) > 0 {
		out = append(out, "")
		for _, line := range story {
			out = append(out, "  "+line)
		}
	}
	if s.foot != "" {
		out = append(out, "", s.foot)
	}
	return out
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
