package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func cutoverReportCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "report CUTOVER", Short: "Print what happened in a cutover, signed",
		Long: `What was moved, held, shed and failed, the longest wait, and the timeline. As Markdown for
people, or with -o json for programs. It is signed with the gateways' key ring.`,
		Example: "  sluice cutover report acme > cutover.md\n  sluice cutover report acme -o json",
		Args:    one("CUTOVER or TENANT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			found, err := findCutover(ctx, g, args[0])
			if err != nil {
				return err
			}
			if !ended(found) {
				return fmt.Errorf("cutover %s of %s still runs (%s): its report is written when it ends. Until then: sluice cutover status %s", found.ID, found.Tenant, phaseWords(found), found.Tenant)
			}
			text, err := reportOf(ctx, g, found, *out != "json")
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		})
	}
	return c
}

// writtenWithin is how long after its end a cutover's report may still be on its way.
const writtenWithin = 30 * time.Second

// reportOf waits for the report of a cutover that has just ended.
func reportOf(ctx context.Context, g *client.Client, c api.Cutover, markdown bool) ([]byte, error) {
	for {
		text, err := g.CutoverReport(ctx, c.ID, markdown)
		fresh := c.Ended != nil && time.Since(*c.Ended) < writtenWithin
		if !fresh || !isStatus(err, http.StatusNotFound) || ctx.Err() != nil {
			return text, err
		}
		wait(ctx, retry/2)
	}
}

func cutoverCalendarCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "calendar", Short: "List the calendars, and whether a cutover may begin now", Args: none,
		Example: "  sluice cutover calendar",
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			all, err := g.Calendars(ctx)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.CalendarList{Calendars: all}, func(w io.Writer) { calendarTable(w, all) })
		})
	}
	return c
}

func calendarTable(w io.Writer, all []api.Calendar) {
	if len(all) == 0 {
		fmt.Fprintln(w, "No calendars: cutovers may begin at any time. A document of kind Calendar makes one.")
		return
	}
	var lines [][]string
	for _, c := range all {
		now, next := "allowed", ""
		if !c.Allowed {
			now, next = "NOT ALLOWED", "never"
			if c.Next != nil {
				next = c.Next.Local().Format("Mon " + time.DateTime)
			}
		}
		lines = append(lines, []string{c.Name, now, next, c.Why})
	}
	rows(w, []string{"CALENDAR", "NOW", "NEXT", "WHY"}, lines)
}
