//go:build linux

package cli

import (
	"strings"
	"testing"

	"sluicegate.dev/sluice/gateway/admin/api"
)

func TestStartAsksOnATerminal(t *testing.T) {
	f := newFake(t)
	s := onTerminal(t, 100, 30, f.args("cutover", "start", "acme", "--to", "green")...)
	s.says("Why? It is kept in the audit log: ")
	s.types("release 18.0.4\n")
	s.says("concerns now   212 sessions, 31 sockets, 7 requests in flight")
	s.says("Start it? [y/N] ")
	s.types("y\n")
	s.says("Cutover c1 has begun")
	if code := s.ends(); code != 0 {
		t.Errorf("exit %d: %s", code, s.written())
	}
	if len(f.writes) != 1 || !strings.Contains(f.writes[0], `"reason":"release 18.0.4"`) {
		t.Errorf("written: %q", f.writes)
	}
}

func TestNoIsNo(t *testing.T) {
	for answer, says := range map[string]string{"\n": "nothing was changed", "n\n": "nothing was changed", "\x04": "there was no answer", "\x03": "there was no answer"} {
		f := newFake(t)
		s := onTerminal(t, 100, 30, f.args("cutover", "start", "acme", "--to", "green", "--reason", "release 18.0.4")...)
		s.says("Start it? [y/N] ")
		s.types(answer)
		if code := s.ends(); code != 1 || !strings.Contains(s.written(), says) {
			t.Errorf("%q: exit %d: %s", answer, code, s.written())
		}
		if len(f.writes) > 0 {
			t.Errorf("%q: written: %q", answer, f.writes)
		}
	}
}

// The view is redrawn in place: what is on the terminal in the end is one picture, not many.
func TestWatchOnATerminal(t *testing.T) {
	f := newFake(t)
	f.starts("shift")
	s := onTerminal(t, 60, 24, f.args("cutover", "watch", "acme")...)
	s.says("left       7 sessions, 2 with sockets")
	f.moves("shifting", "10 % of the sessions go to green", func(c *api.Cutover) { c.Percent = 10 })
	s.says("shifting: 10 % of the sessions")
	f.moves("shifting", "50 % of the sessions go to green", func(c *api.Cutover) {
		c.Percent, c.Blocked = 50, "gateway node-b does not follow: look at its log"
	})
	s.says("!! gateway node-b does not follow: look at its log")
	f.moves("completed", "all is well", func(c *api.Cutover) { c.Blocked = "" })
	if code := s.ends(); code != 0 {
		t.Errorf("exit %d: %s", code, s.written())
	}
	shown := s.shown()
	for _, line := range []string{
		"acme: shift from blue to green (c1)\n  now        completed at ",
		"10 % of the sessions go to green\n", "50 % of the sessions go to green\n", "all is well\n", "Its report: sluice cutover report c1",
	} {
		if strings.Count(shown, line) != 1 {
			t.Errorf("%d times %q in\n%s", strings.Count(shown, line), line, shown)
		}
	}
	for _, gone := range []string{"left  ", "does not follow", "shifting:"} {
		if strings.Contains(shown, gone) {
			t.Errorf("%q is still there:\n%s", gone, shown)
		}
	}
	checkWidth(t, shown)
}

func checkWidth(t *testing.T, shown string) {
	t.Helper()
	for _, line := range strings.Split(shown, "\n") {
		if len([]rune(line)) > 60 {
			t.Errorf("wider than the terminal: %q", line)
		}
	}
}

func TestWatchMayBeInterrupted(t *testing.T) {
	f := newFake(t)
	f.starts("drain")
	s := onTerminal(t, 60, 40, f.args("cutover", "watch", "acme")...)
	s.says("You may say:  sluice cutover promote acme")
	f.moves("draining", "half way", func(c *api.Cutover) {
		c.Blocked = "gateway node-b is silent: restart it, or say that it is gone for good: sluice cutover evict acme r2"
	})
	s.says("evict acme r2")
	if shown := s.shown(); strings.Count(shown, "acme: drain") != 1 || strings.Count(shown, "sluice cutover abort acme") != 1 {
		t.Errorf("not one picture:\n%s", shown)
	}
	s.types("\x03")
	if code := s.ends(); code != 4 || !strings.Contains(s.written(), "interrupted: the cutover of acme goes on (draining, BLOCKED). Watch it again: sluice cutover watch acme") {
		t.Errorf("exit %d: %s", code, s.written())
	}
	if f.cutover.Phase != "draining" || len(f.writes) > 0 {
		t.Errorf("%s, written %q", f.cutover.Phase, f.writes)
	}
}

// A terminal that is lower than the picture shows its upper part, still in place.
func TestWatchOnALowTerminal(t *testing.T) {
	f := newFake(t)
	f.starts("drain")
	s := onTerminal(t, 80, 6, f.args("cutover", "watch", "acme")...)
	s.says("left       7 sessions")
	f.moves("completed", "all is well", nil)
	if code := s.ends(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if shown := s.shown(); strings.Count(shown, "acme: drain") != 1 || !strings.Contains(shown, "now        completed at") {
		t.Errorf("shown:\n%s", shown)
	}
}
