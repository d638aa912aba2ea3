package harness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Day is what a mix saw.
type Day struct {
	Acts    []Act
	Closed  map[string]int // sockets, by close code or error
	Refused int            // handshakes that were told to come later
}

// String is one line.
func (d *Day) String() string {
	kinds, releases := map[string]int{}, map[string]int{}
	for _, a := range d.Acts {
		kinds[a.What]++
		releases[a.Release]++
	}
	slowest := d.Slowest()
	return fmt.Sprintf("%d answers %v, by release %v; %d at killed replicas; slowest %v (%s); sockets closed %v, told to come later %d",
		len(d.Acts), kinds, releases, d.Gone(), slowest.Ended.Sub(slowest.Began).Round(time.Millisecond), slowest.What, d.Closed, d.Refused)
}

// Slowest is the act that took longest.
func (d *Day) Slowest() Act {
	var slowest Act
	for _, a := range d.Acts {
		if a.Ended.Sub(a.Began) > slowest.Ended.Sub(slowest.Began) {
			slowest = a
		}
	}
	return slowest
}

// Gone counts what was at replicas that were killed.
func (d *Day) Gone() int {
	count := 0
	for _, a := range d.Acts {
		if a.Gone {
			count++
		}
	}
	return count
}

// Served counts the good answers of a release that began after a moment.
func (d *Day) Served(release string, after time.Time) int {
	count := 0
	for _, a := range d.Acts {
		if a.Wrong == "" && a.Release == release && a.Began.After(after) {
			count++
		}
	}
	return count
}

// Failed lists what was wrong with answers, and how often; what a killed replica took with
// it does not count.
func (d *Day) Failed() map[string]int {
	failed := map[string]int{}
	for _, a := range d.Acts {
		if a.Wrong != "" && !a.Gone {
			text := strings.Join(strings.Fields(a.What+": "+a.Wrong), " ")
			failed[text[:min(len(text), 300)]]++
		}
	}
	return failed
}

// turns are for each person the answers with which another release began to serve him. What began
// before another answer was there may be older than that one, and does not count.
func (d *Day) turns() map[string][]Act {
	by := map[string][]Act{}
	for _, a := range d.Acts {
		if a.Session && a.Release != "" && a.Wrong == "" {
			by[a.Who] = append(by[a.Who], a)
		}
	}
	turns := map[string][]Act{}
	for who, acts := range by {
		slices.SortFunc(acts, func(a, b Act) int { return a.Ended.Compare(b.Ended) })
		var last Act
		for _, a := range acts {
			if last.Release != "" && a.Began.Before(last.Ended) {
				continue
			}
			if last.Release != a.Release {
				turns[who] = append(turns[who], a)
			}
			last = a
		}
	}
	return turns
}

// Moves lists for each person the releases that served him, in turn. One who is served by two
// in turns shows up with a long list.
func (d *Day) Moves() map[string][]string {
	moves := map[string][]string{}
	for who, acts := range d.turns() {
		for _, a := range acts {
			moves[who] = append(moves[who], a.Release)
		}
	}
	return moves
}

// Strayed lists the people who were moved more often than allowed.
func (d *Day) Strayed(most int) []string {
	var strayed []string
	for who, acts := range d.turns() {
		if len(acts)-1 <= most {
			continue
		}
		text := who + " was served by"
		for _, a := range acts {
			text += fmt.Sprintf(" %s (%s by %s at %s)", a.Release, a.What, a.Addr, a.Began.UTC().Format("15:04:05.000"))
		}
		strayed = append(strayed, text)
	}
	slices.Sort(strayed)
	return strayed
}

// WrongWrites holds the writes against what the servers did, by token.
func (d *Day) WrongWrites(done map[string][]string) []string {
	var wrong []string
	for _, a := range d.Acts {
		if a.Token == "" {
			continue
		}
		by := done[a.Token]
		switch {
		case len(by) > 1:
			wrong = append(wrong, fmt.Sprintf("%s %s was done %d times, by %v (%s)", a.What, a.Token, len(by), by, cmp.Or(a.Wrong, "answered")))
		case len(by) == 0 && a.Wrong == "":
			wrong = append(wrong, fmt.Sprintf("%s %s was answered and never done", a.What, a.Token))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// Wrong lists all that must not happen when a tenant is moved, whoever was killed meanwhile:
// failed requests, writes that were lost or done twice, people served by one release and then the other more
// often than moves are, sockets that were closed with something else than 1012.
func (d *Day) Wrong(done map[string][]string, moves int) []string {
	var wrong []string
	failed := d.Failed()
	for _, text := range slices.Sorted(maps.Keys(failed)) {
		wrong = append(wrong, fmt.Sprintf("%d times: %s", failed[text], text))
	}
	wrong = append(wrong, d.WrongWrites(done)...)
	wrong = append(wrong, d.Strayed(moves)...)
	for how, n := range d.Closed {
		if how != "1012" && how != ReplicaGone {
			wrong = append(wrong, fmt.Sprintf("%d sockets were closed with %s", n, how))
		}
	}
	return wrong
}
