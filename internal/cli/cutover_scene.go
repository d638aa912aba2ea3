package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// sceneOf is a cutover as it is shown, with so many lines of its timeline.
func sceneOf(c api.Cutover, now time.Time, lines int) scene {
	s := scene{
		title: fmt.Sprintf("%s: %s from %s to %s (%s)", c.Tenant, c.Strategy, c.From, c.To, c.ID),
		now:   standing(c, now),
		facts: [][2]string{{"part", strings.Join(append(slices.Clone(c.Classes), c.Paths...), ", ")}},
	}
	if c.Blocked != "" {
		s.trouble = append(s.trouble, c.Blocked)
	}
	if c.Ended == nil {
		s.remainder(c.Remainder)
		s.facts = append(s.facts, [2]string{"waits for", waits(c, now)}, [2]string{"way", way(c)})
	}
	if !c.Shared && c.Ended == nil {
		s.trouble = append(s.trouble, "the store does not answer: each gateway goes on by itself")
	}
	for _, e := range c.Timeline[max(0, len(c.Timeline)-lines):] {
		s.story = append(s.story, storyLine(e))
	}
	s.foot = nextCommands(c)
	return s
}

// standing is "shifting: 10 % of the sessions, since 4 min 10 s".
func standing(c api.Cutover, now time.Time) string {
	if c.Ended != nil {
		return fmt.Sprintf("%s at %s, after %s", c.Phase, c.Ended.Local().Format(time.DateTime), span(c.Ended.Sub(c.Started)))
	}
	text := c.Phase
	if c.Strategy == "shift" && c.Percent > 0 && c.Percent < 100 {
		text += fmt.Sprintf(": %g %% of the sessions", c.Percent)
	}
	if c.Paused {
		text += ", PAUSED"
	}
	if c.NoReturn {
		text += ", PAST THE POINT OF NO RETURN"
	}
	return text + ", since " + span(now.Sub(c.Since))
}

func waits(c api.Cutover, now time.Time) string {
	text := c.Waits
	if c.Until != nil && !c.Paused {
		text = cmp.Or(text, "the end of the phase") + ", " + span(c.Until.Sub(now)) + " at most"
	}
	return text
}

// way marks where it stands among its phases: preflight > [draining] > flipping.
func way(c api.Cutover) string {
	if !slices.Contains(c.Phases, c.Phase) {
		return ""
	}
	words := slices.Clone(c.Phases)
	for i, w := range words {
		if w == c.Phase {
			words[i] = "[" + w + "]"
			break
		}
	}
	return strings.Join(words, " > ")
}

// remainder adds what is left on the side that is left.
func (s *scene) remainder(r *api.Remainder) {
	if r == nil {
		return
	}
	left := cmp.Or(r.Sentence, "nothing")
	if !r.Known {
		left = "UNKNOWN, at least " + left
		s.trouble = append(s.trouble, r.Unknown...)
	}
	if r.ETA != "" {
		left += "; about " + spanOf(r.ETA) + " to go"
	}
	held := ""
	if r.Held > 0 {
		held = plural(r.Held, "request")
		if r.Oldest != "" {
			held += ", the first for " + spanOf(r.Oldest)
		}
	}
	s.facts = append(s.facts, [2]string{"left", left}, [2]string{"held", held}, [2]string{"gateways", gateways(r)})
}

// spanOf puts a time span of the API into words.
func spanOf(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text
	}
	return span(d)
}

// gateways is "node-a 3 in flight, 12 sockets; node-b SILENT".
func gateways(r *api.Remainder) string {
	var all []string
	for _, replica := range r.Replicas {
		if replica.Silent {
			all = append(all, replica.Host+" SILENT ("+replica.ID+")")
			continue
		}
		flight, sockets := 0, 0
		for _, one := range replica.Releases {
			flight, sockets = flight+one.InFlight, sockets+one.Sockets
		}
		all = append(all, fmt.Sprintf("%s %d in flight, %s", replica.Host, flight, plural(sockets, "socket")))
	}
	return strings.Join(all, "; ")
}

func storyLine(e api.CutoverEvent) string {
	return fmt.Sprintf("%s %s: %s", e.At.Local().Format(time.TimeOnly), e.Actor, e.Text)
}

// nextCommands are what may be said to it now.
func nextCommands(c api.Cutover) []string {
	if c.Ended != nil {
		return []string{"Its report: sluice cutover report " + c.ID}
	}
	var said []string
	head := "You may say:  "
	for _, word := range c.Can {
		said = append(said, head+"sluice cutover "+word+" "+c.Tenant)
		head = strings.Repeat(" ", len(head))
	}
	return said
}
