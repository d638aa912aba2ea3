package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

const longWatch = `On a terminal it shows where the cutover stands, what is left, and what you may do next, and
redraws that each second. Elsewhere it prints a line for each thing that happens.

It ends when the cutover does: with exit code 0 when it is completed, 1 when it was aborted or
has failed. It may be interrupted at any time: the cutover does not depend on it.`

func cutoverWatchCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "watch CUTOVER", Short: "Watch a cutover until it ends", Long: longWatch,
		Args: one("CUTOVER or TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice cutover watch acme\n  sluice cutover watch acme && ./announce.sh",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		var found api.Cutover
		if err := find.ask(c, func(ctx context.Context, g *client.Client) (err error) {
			found, err = findCutover(ctx, g, args[0])
			return err
		}); err != nil {
			return err
		}
		w := &watcher{find: find, command: c, seen: found, screen: newScreen(c.OutOrStdout())}
		return w.run(c.Context())
	}
	return c
}

// watcher shows a cutover while it runs.
type watcher struct {
	find    *connect
	command *cobra.Command
	screen  *screen // nil: no terminal
	seen    api.Cutover
	last    string // id of the newest event
	told    int    // lines of the timeline that were printed
	said    string // line about the remainder that was printed last
	saidAt  time.Time
}

// errOver ends the stream of a cutover that has ended.
var errOver = errors.New("it is over")

// retry is how long a broken connection is left alone before the next attempt, lost how long
// it may stay broken.
const (
	retry = time.Second
	lost  = 2 * time.Minute
)

func (w *watcher) run(ctx context.Context) error {
	w.draw("")
	heard := time.Now()
	for !ended(w.seen) {
		err := w.follow(ctx, &heard)
		switch {
		case ctx.Err() != nil:
			return w.interrupted()
		case errors.Is(err, errOver):
		case err != nil && time.Since(heard) > lost:
			return fmt.Errorf("not heard of the cutover for %s, it may go on all the same: %w", span(lost), err)
		case err != nil:
			w.draw("!! connection lost, trying again: " + err.Error())
			fallthrough
		default:
			wait(ctx, retry)
		}
	}
	return outcome(w.seen)
}

// follow reads events until the stream ends. Each is the moment to look again.
func (w *watcher) follow(ctx context.Context, heard *time.Time) error {
	gateway, err := w.find.client(w.command)
	if err != nil {
		return err
	}
	if err := w.look(ctx, gateway); err != nil || ended(w.seen) {
		return errors.Join(err, over(w.seen))
	}
	*heard = time.Now()
	return gateway.CutoverEvents(ctx, w.seen.ID, w.last, func(e client.Event) error {
		*heard = time.Now()
		if e.ID != "" {
			w.last = e.ID
		}
		if err := w.look(ctx, gateway); err != nil {
			return err
		}
		return over(w.seen)
	})
}

func over(c api.Cutover) error {
	if ended(c) {
		return errOver
	}
	return nil
}

// look asks where the cutover stands, and shows it.
func (w *watcher) look(ctx context.Context, gateway *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, w.find.timeout)
	defer cancel()
	now, err := gateway.Cutover(ctx, w.seen.ID)
	if err != nil {
		return err
	}
	w.seen = now
	w.draw("")
	return nil
}

func (w *watcher) draw(trouble string) {
	if w.screen == nil {
		w.tell(w.command.OutOrStdout(), trouble)
		return
	}
	s := sceneOf(w.seen, time.Now(), storyLines)
	if trouble != "" {
		s.trouble = append([]string{strings.TrimPrefix(trouble, "!! ")}, s.trouble...)
	}
	width, _ := w.screen.size()
	w.screen.show(s.lines(width))
}

// quiet is how often the remainder is told where there is no screen, when it has changed.
const quiet = 10 * time.Second

// tell prints what is new, for logs and pipes.
func (w *watcher) tell(out io.Writer, trouble string) {
	if w.told == 0 {
		fmt.Fprintf(out, "%s: %s from %s to %s (%s)\n", w.seen.Tenant, w.seen.Strategy, w.seen.From, w.seen.To, w.seen.ID)
	}
	for _, e := range w.seen.Timeline[min(w.told, len(w.seen.Timeline)):] {
		fmt.Fprintf(out, "%s %s: %s\n", e.At.UTC().Format(time.RFC3339), e.Actor, e.Text)
		w.told++
	}
	line := trouble
	if line == "" {
		line = leftLine(w.seen)
	}
	if line != "" && line != w.said && (trouble != "" || time.Since(w.saidAt) >= quiet) {
		fmt.Fprintf(out, "%s %s\n", time.Now().UTC().Format(time.RFC3339), line)
		w.said, w.saidAt = line, time.Now()
	}
}

// leftLine is the remainder in one line.
func leftLine(c api.Cutover) string {
	if ended(c) {
		return ""
	}
	s := scene{}
	s.remainder(c.Remainder)
	line := phaseWords(c)
	for _, name := range []string{"left", "held"} {
		if text := s.fact(name); text != "" {
			line += ", " + name + ": " + text
		}
	}
	if c.Blocked != "" {
		line += "; " + c.Blocked
	}
	return line
}

// outcome is the exit code that fits the end.
func outcome(c api.Cutover) error {
	if c.Phase == "completed" {
		return nil
	}
	return fmt.Errorf("cutover %s of %s has %s: %s", c.ID, c.Tenant, endWord(c.Phase), cmp.Or(c.Blocked, whyEnded(c)))
}

// whyEnded is what made a cutover turn back, or else the last that is known of it.
func whyEnded(c api.Cutover) string {
	why := ""
	for _, e := range c.Timeline {
		why = e.Text
		if e.Phase == "aborting" {
			break
		}
	}
	return why
}

func endWord(phase string) string {
	if phase == "aborted" {
		return "been aborted"
	}
	return phase
}

// interrupted says that only the watching has ended.
func (w *watcher) interrupted() error {
	return fmt.Errorf("%w: the cutover of %s goes on (%s). Watch it again: sluice cutover watch %s",
		errInterrupted, w.seen.Tenant, phaseWords(w.seen), w.seen.Tenant)
}

// wait is a pause that ends with ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
