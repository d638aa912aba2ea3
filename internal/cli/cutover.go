package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

const longCutover = `A cutover moves a tenant from the release that is active to another one, in steps that are
written down, with a way back until it is completed:

  sluice cutover start acme --to green --reason 'release 18.0.4'
  sluice cutover watch acme         what is left, live
  sluice cutover promote acme       do not wait any longer
  sluice cutover abort acme         go back

Strategies:
  drain      new sessions go to green at once, those that are there stay until they are idle
  shift      a growing share of the sessions goes to green, judged by gates
  switch     requests wait at the edge for the moment of the change
  failover   away from a side that has failed

Where a CUTOVER is asked for, the name of its tenant will do: it means the one that runs, or
else the last.`

func cutoverCommand(find *connect) *cobra.Command {
	c := &cobra.Command{Use: "cutover", Short: "Move tenants from one release to another", Long: longCutover, Aliases: []string{"cutovers"}}
	c.AddCommand(
		cutoverStartCommand(find), cutoverWatchCommand(find), cutoverStatusCommand(find), cutoverListCommand(find),
		cutoverPromoteCommand(find),
	)
	c.AddCommand(cutoverWords(find)...)
	c.AddCommand(cutoverEvictCommand(find), cutoverReportCommand(find), cutoverCalendarCommand(find))
	return c
}

func cutoverListCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "list [TENANT]", Short: "List the cutovers that run, or all of a tenant's", Aliases: []string{"ls"},
		Args: atMostOne("TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice cutover list\n  sluice cutover list acme",
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) (err error) {
			var all []api.Cutover
			if len(args) == 1 {
				all, err = gateway.TenantCutovers(ctx, args[0])
			} else {
				all, err = gateway.Cutovers(ctx)
			}
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.CutoverList{Cutovers: all}, func(w io.Writer) { cutoverTable(w, all, first(args)) })
		})
	}
	return c
}

func cutoverTable(w io.Writer, all []api.Cutover, tenant string) {
	if len(all) == 0 {
		if tenant != "" {
			fmt.Fprintf(w, "Tenant %s was never moved: start with `sluice cutover start %s --to RELEASE --dry-run`.\n", tenant, tenant)
			return
		}
		fmt.Fprintln(w, "No cutover is running. Those of a tenant that have ended: `sluice cutover list TENANT`.")
		return
	}
	var lines [][]string
	for _, c := range all {
		lines = append(lines, []string{c.Tenant, c.ID, c.Strategy, c.From + " -> " + c.To, phaseWords(c), c.Started.Local().Format(time.DateTime), c.Actor, c.Reason})
	}
	rows(w, []string{"TENANT", "CUTOVER", "STRATEGY", "MOVES", "PHASE", "STARTED", "BY", "REASON"}, lines)
}

// phaseWords are the phase and what is special about it.
func phaseWords(c api.Cutover) string {
	words := []string{c.Phase}
	if c.Strategy == "shift" && c.Ended == nil && c.Percent > 0 {
		words = append(words, fmt.Sprintf("%g %%", c.Percent))
	}
	if c.Paused {
		words = append(words, "PAUSED")
	}
	if c.Blocked != "" && !c.Paused {
		words = append(words, "BLOCKED")
	}
	return strings.Join(words, ", ")
}

func cutoverStatusCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "status CUTOVER", Short: "Show where a cutover stands, and what is left", Aliases: []string{"show"},
		Args: one("CUTOVER or TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice cutover status acme",
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			found, err := findCutover(ctx, gateway, args[0])
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), found, func(w io.Writer) {
				for _, line := range sceneOf(found, time.Now(), len(found.Timeline)).lines(0) {
					fmt.Fprintln(w, line)
				}
			})
		})
	}
	return c
}

// findCutover is the cutover with an id, or of a tenant: the one that runs, else the last.
func findCutover(ctx context.Context, gateway *client.Client, name string) (api.Cutover, error) {
	all, err := gateway.TenantCutovers(ctx, name)
	if isStatus(err, http.StatusNotFound) {
		found, err := gateway.Cutover(ctx, name)
		if isStatus(err, http.StatusNotFound) {
			return found, fmt.Errorf("there is neither a tenant nor a cutover %q: `sluice tenant list` and `sluice cutover list` show what there is", name)
		}
		return found, err
	}
	if err != nil {
		return api.Cutover{}, err
	}
	if len(all) == 0 {
		return api.Cutover{}, fmt.Errorf("tenant %s was never moved: start with `sluice cutover start %s --to RELEASE --dry-run`", name, name)
	}
	newest := slices.MaxFunc(all, func(a, b api.Cutover) int {
		if (a.Ended == nil) != (b.Ended == nil) {
			if a.Ended == nil {
				return 1
			}
			return -1
		}
		return a.Started.Compare(b.Started)
	})
	return gateway.Cutover(ctx, newest.ID) // with what is left
}

// ended says whether it goes on by itself no more. One that has failed waits for an operator.
func ended(c api.Cutover) bool { return c.Ended != nil || c.Phase == "failed" }

func isStatus(err error, status int) bool {
	var refused *client.Refused
	return errors.As(err, &refused) && refused.Status == status
}
