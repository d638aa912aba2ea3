package cutover

import (
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	start := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)
	end := start.Add(12 * time.Minute)
	c := Cutover{
		ID: "c1", Tenant: "acme", From: "blue", Plan: Plan{Strategy: Switch, To: "green"}, Phase: Completed, Ended: &end,
		Grant:    Grant{Actor: "ann", Reason: "18.0 | <b>now</b>\n# big", At: start},
		Counts:   Counts{Requests: 1200, Errors: 1, Held: 40, LongestWait: 3210 * time.Millisecond, Shed: 0, Sessions: 70, Moved: 70},
		Timeline: []Event{{At: start, Phase: Holding, Actor: "ann", Text: "started"}, {At: end, Phase: Completed, Actor: "sluice", Text: "all is well"}},
		Dropped:  2,
	}
	r := NewReport(c)
	if r.Took != 12*time.Minute || r.Outcome != Completed || r.Counts.Moved != 70 {
		t.Errorf("%+v", r)
	}
	text := r.Markdown()
	for _, want := range []string{"# Cutover of acme: blue to green, completed", "took 12m0s", "| requests meanwhile | 1200 |", "| longest wait | 3.21s |", "| 22:12:00 | completed | sluice | all is well |", "2 earlier lines"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	for _, forbidden := range []string{"<b>", "\n# big", "18.0 | &"} {
		if strings.Contains(text, forbidden) {
			t.Errorf("a reason became markup, %q:\n%s", forbidden, text)
		}
	}
}
