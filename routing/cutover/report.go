package cutover

import (
	"fmt"
	"strings"
	"time"
)

// Report is what is kept of a cutover that has ended, for whoever asked for it and whoever was
// concerned.
type Report struct {
	ID       string        `json:"id"`
	Tenant   string        `json:"tenant"`
	From     string        `json:"from"`
	To       string        `json:"to"`
	Strategy Strategy      `json:"strategy"`
	Outcome  Phase         `json:"outcome"`
	Actor    string        `json:"actor"`
	Reason   string        `json:"reason"`
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
	Took     time.Duration `json:"took"`
	Counts   Counts        `json:"counts"`
	Timeline []Event       `json:"timeline"`
	Dropped  int           `json:"dropped,omitempty"` // events of its beginning that are left out
}

// NewReport is the report of a cutover that has ended.
func NewReport(c Cutover) Report {
	r := Report{
		ID: c.ID, Tenant: c.Tenant, From: c.From, To: c.Plan.To, Strategy: c.Plan.Strategy, Outcome: c.Phase,
		Actor: c.Actor, Reason: c.Reason, Started: c.At, Counts: c.Counts, Timeline: c.Timeline, Dropped: c.Dropped,
	}
	if c.Ended != nil {
		r.Ended = *c.Ended
		r.Took = r.Ended.Sub(r.Started)
	}
	return r
}

// Markdown is the report for people.
func (r Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Cutover of %s: %s to %s, %s\n\n", plain(r.Tenant), plain(r.From), plain(r.To), r.Outcome)
	fmt.Fprintf(&b, "%s by %s, started %s, took %s.\nReason: %s\n\n", r.Strategy, plain(r.Actor), r.Started.UTC().Format(time.RFC3339), r.Took.Round(time.Second), plain(r.Reason))
	b.WriteString("| | |\n|---|---|\n")
	n := r.Counts
	for _, row := range [][2]string{
		{"requests meanwhile", fmt.Sprint(n.Requests)},
		{"of them failed", fmt.Sprint(n.Errors)},
		{"held at once, at most", fmt.Sprint(n.Held)},
		{"longest wait", n.LongestWait.Round(time.Millisecond).String()},
		{"waited and were refused", fmt.Sprint(n.Shed)},
		{"sessions on " + plain(r.From) + ", at most", fmt.Sprint(n.Sessions)},
		{"of them moved", fmt.Sprint(n.Moved)},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	b.WriteString("\n## What happened\n\n| when | phase | who | what |\n|---|---|---|---|\n")
	if r.Dropped > 0 {
		fmt.Fprintf(&b, "| | | | %d earlier lines are left out |\n", r.Dropped)
	}
	for _, e := range r.Timeline {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.At.UTC().Format("15:04:05"), e.Phase, plain(e.Actor), plain(e.Text))
	}
	return b.String()
}

// plain keeps what people wrote from being read as markup.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "`", "\\`", "[", `\[`, "*", `\*`, "#", `\#`).Replace(text)
}
