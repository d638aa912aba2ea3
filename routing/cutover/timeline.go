package cutover

import (
	"slices"
	"strings"
	"time"
)

// A timeline is bounded, or operators who go on and off could make a record that no store
// takes, and with which nothing could be decided any more.
const (
	mostEvents = 300
	mostText   = 24 << 10 // of all its texts
	mostLine   = 1000     // of one
)

func (c *Cutover) note(now time.Time, actor, text string) {
	if len(text) > mostLine {
		text = strings.ToValidUTF8(text[:mostLine], "") + "..."
	}
	c.Timeline = append(slices.Clip(c.Timeline), Event{At: now, Phase: c.Phase, Actor: actor, Text: text})
	size, first := 0, len(c.Timeline)
	for first > 0 && len(c.Timeline)-first < mostEvents && size+len(c.Timeline[first-1].Text) <= mostText {
		first--
		size += len(c.Timeline[first].Text)
	}
	if first > 0 {
		c.Timeline, c.Dropped = slices.Clone(c.Timeline[first:]), c.Dropped+first
	}
}

// list says names in a sentence.
func list(names []string) string { return strings.Join(names, ", ") }
