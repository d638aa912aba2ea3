package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

const longHold = `Held requests wait at the edge, in order, and go on when the hold ends: people see a slow page
instead of an error. Static files, health checks and certificate challenges pass. Who waits
longer than --wait gets 503 with Retry-After, and so does the oldest when too many wait. The
hold ends by itself, whoever has died.`

func holdCommand(find *connect) *cobra.Command {
	c := &cobra.Command{Use: "hold", Short: "Keep a tenant's requests waiting at the edge", Long: longHold}
	c.AddCommand(holdSetCommand(find), holdEndCommand(find), holdStatusCommand(find))
	return c
}

func holdSetCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "set TENANT", Short: "Hold a tenant's requests", Long: longHold,
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice hold set acme --for 30s --reason 'the database primary changes'",
	}
	d := decides(c, find)
	var in api.HoldRequest
	lasts, most := c.Flags().Duration("for", time.Minute, "when the hold ends by itself"), c.Flags().Duration("wait", 0, "how long one request waits, at most")
	c.Flags().StringSliceVar(&in.Classes, "classes", nil, "classes of requests that wait; all but files and health by default")
	c.Flags().IntVar(&in.Count, "count", 0, "how many requests wait at one gateway, at most")
	c.RunE = func(c *cobra.Command, args []string) error {
		tenant := args[0]
		in.Expires, in.Wait = lasts.String(), orNothing(*most)
		return d.take(c, step{
			what: "Hold the requests of " + tenant, question: "Hold them?", tag: tenantTag(tenant),
			send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
				in.Reason = d.reason
				done, err := g.SetHold(ctx, tenant, in, care)
				return done, done, err
			},
			done: func(w io.Writer, _ any) {
				fmt.Fprintf(w, "%s is held for %s at most. Let go:  sluice hold end %s\n", tenant, span(*lasts), tenant)
			},
		})
	}
	return c
}

func holdEndCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "end TENANT", Short: "Let a tenant's requests go on",
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice hold end acme --reason 'the new primary is there'",
	}
	return ends(c, find, (*client.Client).EndHold, "Let the requests of %s go on", "The requests of %s go on.")
}

// ends makes c a command that ends something of a tenant. Nobody is asked: it is the way back.
func ends(c *cobra.Command, find *connect, end func(*client.Client, context.Context, string, api.ReasonOnly, client.Care) (api.Change, error), what, done string) *cobra.Command {
	d := decides(c, find)
	c.RunE = func(c *cobra.Command, args []string) error {
		tenant := args[0]
		return d.take(c, step{
			what: fmt.Sprintf(what, tenant), tag: tenantTag(tenant),
			send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
				change, err := end(g, ctx, tenant, api.ReasonOnly{Reason: d.reason}, care)
				return change, change, err
			},
			done: func(w io.Writer, _ any) { fmt.Fprintf(w, done+"\n", tenant) },
		})
	}
	return c
}

func tenantTag(tenant string) func(context.Context, *client.Client) (string, error) {
	return func(ctx context.Context, g *client.Client) (string, error) { return g.TenantTag(ctx, tenant) }
}

func holdStatusCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "status TENANT", Short: "Show whether a tenant is held, by whom and until when",
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice hold status acme",
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			now, err := g.Effective(ctx, args[0])
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), now, func(w io.Writer) { showHold(w, now) })
		})
	}
	return c
}

func showHold(w io.Writer, e api.Effective) {
	if !e.Held {
		fmt.Fprintf(w, "%s is not held.\n", e.Tenant)
		return
	}
	fmt.Fprintf(w, "%s is held.\n", e.Tenant)
	for _, o := range e.Runtime {
		if o.Kind == "hold" || o.Kind == "cutover" {
			fmt.Fprintln(w)
			overrideTable(w, []api.Override{o})
		}
	}
}
