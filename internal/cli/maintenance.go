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

func tenantMaintenanceCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "maintenance", Short: "Put a tenant's maintenance page up, or take it down",
		Long: "People see a page with 503 and Retry-After, programs a fault in their own protocol.",
	}
	off := &cobra.Command{
		Use: "off TENANT", Short: "Take the maintenance page down",
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
		Example: "  sluice tenant maintenance off acme --reason 'upgrade is done'",
	}
	c.AddCommand(maintenanceOnCommand(find), ends(off, find, (*client.Client).EndMaintenance, "Take the maintenance page of %s down", "%s is open again."))
	return c
}

func maintenanceOnCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "on TENANT", Short: "Put the maintenance page up",
		Long: `Nothing reaches Odoo any more, but for clients in the networks of --allow and for testers with a
pass (sluice tenant tester). Requests that have begun finish; open WebSockets are closed.`,
		Example: "  sluice tenant maintenance on acme --retry-after 30m --text 'Back at 06:00.' --allow 192.0.2.0/24 --reason 'change 4711'",
		Args:    one("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	d := decides(c, find)
	var in api.MaintenanceRequest
	after := c.Flags().Duration("retry-after", 5*time.Minute, "when people and programs are told to come back")
	lasts := c.Flags().Duration("for", 0, "when it goes by itself; without it when somebody takes it down")
	c.Flags().StringVar(&in.Text, "text", "", "what people read")
	c.Flags().StringSliceVar(&in.Allow, "allow", nil, "networks of clients that pass, such as 192.0.2.0/24")
	c.RunE = func(c *cobra.Command, args []string) error {
		tenant := args[0]
		in.RetryAfter, in.Expires = after.String(), orNothing(*lasts)
		return d.take(c, step{
			what: "Close " + tenant + " for maintenance", question: "Close it?", tag: tenantTag(tenant),
			send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
				in.Reason = d.reason
				done, err := g.SetMaintenance(ctx, tenant, in, care)
				return done, done, err
			},
			done: func(w io.Writer, _ any) {
				fmt.Fprintf(w, "%s shows the maintenance page. Take it down:  sluice tenant maintenance off %s\n", tenant, tenant)
			},
		})
	}
	return c
}
