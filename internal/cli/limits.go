package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func limitsCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "limits", Short: "Show and stop the clients of a tenant",
		Long: `Clients are named by fingerprints of their credentials or sessions, or by addresses. A TENANT
may also be the scope of a route under the plugin sluice-limit.`,
	}
	c.AddCommand(limitsTopCommand(find), limitsShowCommand(find), limitsBlockCommand(find), limitsUnblockCommand(find), limitsResetCommand(find))
	return c
}

func limitsTopCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "top TENANT", Short: "List the clients that asked most in the last minutes",
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	n := c.Flags().Int("top", 20, "how many")
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			clients, err := gateway.LimitClients(ctx, args[0], *n)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.LimitClients{Clients: clients}, func(w io.Writer) { clientTable(w, args[0], clients) })
		})
	}
	return c
}

func clientTable(w io.Writer, tenant string, clients []api.LimitClient) {
	if len(clients) == 0 {
		fmt.Fprintf(w, "Nobody asked anything of %s lately.\n", tenant)
		return
	}
	var lines [][]string
	for _, c := range clients {
		lines = append(lines, []string{
			c.Client, c.Who, c.From, strconv.FormatUint(c.Allowed, 10), strconv.FormatUint(c.Denied, 10),
			strings.Join(c.Limits, ", "), blockedWord(c), callWords(c.Calls, 2),
		})
	}
	rows(w, []string{"CLIENT", "WHO", "FROM", "PASSED", "REFUSED", "BY", "BLOCKED", "CALLS"}, lines)
}

func blockedWord(c api.LimitClient) string {
	if c.BlockedUntil == nil {
		return ""
	}
	return "until " + c.BlockedUntil.Local().Format(time.DateTime)
}

// callWords are the most frequent calls.
func callWords(calls []api.LimitCall, n int) string {
	var words []string
	for _, call := range calls[:min(n, len(calls))] {
		words = append(words, fmt.Sprintf("%s (%d)", call.Name, call.Count))
	}
	return strings.Join(words, ", ")
}

func limitsShowCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "show TENANT CLIENT", Short: "Show what a client read and wrote lately",
		Args: two("TENANT", "CLIENT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			one, err := gateway.LimitClient(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), one, func(w io.Writer) { showClient(w, one) })
		})
	}
	return c
}

func showClient(w io.Writer, c api.LimitClient) {
	fmt.Fprintln(w, c.Client)
	for _, fact := range [][2]string{
		{"who", c.Who},
		{"key", c.Key},
		{"from", c.From},
		{"passed", strconv.FormatUint(c.Allowed, 10)},
		{"refused", strconv.FormatUint(c.Denied, 10)},
		{"refused by", strings.Join(c.Limits, ", ")},
		{"blocked", blockedWord(c)},
	} {
		if fact[1] != "" {
			fmt.Fprintf(w, "  %-12s %s\n", fact[0], fact[1])
		}
	}
	if len(c.Calls) == 0 {
		return
	}
	fmt.Fprintln(w)
	var lines [][]string
	for _, call := range c.Calls {
		lines = append(lines, []string{
			call.Name, strconv.FormatUint(call.Count, 10), strconv.FormatUint(call.Records, 10),
			strconv.FormatUint(call.Failed, 10), call.Last.Local().Format(time.DateTime),
		})
	}
	rows(w, []string{"CALL", "TIMES", "RECORDS", "FAILED", "LAST"}, lines)
}

func limitsBlockCommand(find *connect) *cobra.Command {
	var in api.LimitBlock
	var lasts time.Duration
	c := &cobra.Command{
		Use: "block TENANT CLIENT", Short: "Refuse a client for a while, on every replica",
		Long:    "Its requests get 429 with the time when the block ends. A key:... is blocked wherever it is used.",
		Example: "  sluice limits block acme client:4b0a1m2c9d3e8f7g --for 1h --reason 'loops over all partners'",
		Args:    two("TENANT", "CLIENT"), ValidArgsFunction: find.tenantNames,
	}
	c.Flags().DurationVar(&lasts, "for", time.Hour, "for how long, thirty days at most")
	run := func(ctx context.Context, gateway *client.Client, tenant, name string) (api.LimitDone, error) {
		in.Client, in.Seconds = name, int64(lasts/time.Second)
		if in.Seconds < 1 {
			return api.LimitDone{}, usageError{fmt.Errorf("--for %v is too short", lasts)}
		}
		return gateway.BlockClient(ctx, tenant, in)
	}
	change(c, find, &in.Reason, run, func(d api.LimitDone) string {
		return fmt.Sprintf("%s is blocked at %s until %s.", d.Client, d.Tenant, d.BlockedUntil.Local().Format(time.DateTime))
	})
	return c
}

func limitsUnblockCommand(find *connect) *cobra.Command {
	var in api.LimitBlock
	c := &cobra.Command{
		Use: "unblock TENANT CLIENT", Short: "Lift the block of a client",
		Args: two("TENANT", "CLIENT"), ValidArgsFunction: find.tenantNames,
	}
	run := func(ctx context.Context, gateway *client.Client, tenant, name string) (api.LimitDone, error) {
		in.Client = name
		return gateway.BlockClient(ctx, tenant, in)
	}
	change(c, find, &in.Reason, run, func(d api.LimitDone) string {
		return fmt.Sprintf("%s is no longer blocked at %s.", d.Client, d.Tenant)
	})
	return c
}

func limitsResetCommand(find *connect) *cobra.Command {
	var in api.LimitReset
	c := &cobra.Command{
		Use: "reset TENANT CLIENT", Short: "Forget what a client has spent, on every replica",
		Args: two("TENANT", "CLIENT"), ValidArgsFunction: find.tenantNames,
	}
	run := func(ctx context.Context, gateway *client.Client, tenant, name string) (api.LimitDone, error) {
		in.Client = name
		return gateway.ResetClient(ctx, tenant, in)
	}
	change(c, find, &in.Reason, run, func(d api.LimitDone) string {
		return fmt.Sprintf("%s has its whole budget again at %s.", d.Client, d.Tenant)
	})
	return c
}

// change makes c a command that changes something about a client: it wants a reason.
func change(c *cobra.Command, find *connect, reason *string, run func(context.Context, *client.Client, string, string) (api.LimitDone, error), say func(api.LimitDone) string) {
	out := addOutput(c)
	c.Flags().StringVar(reason, "reason", "", "why; kept in the log (asked for on a terminal)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := why(c, reason); err != nil {
			return err
		}
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			done, err := run(ctx, gateway, args[0], args[1])
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), done, func(w io.Writer) { fmt.Fprintln(w, say(done)) })
		})
	}
}
