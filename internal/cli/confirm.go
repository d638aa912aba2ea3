package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func confirmCommand(find *connect) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "confirm DIGEST",
		Short: "Let a pending removal of tenants happen",
		Long: `A change that would remove all tenants, or more than a fifth of them, waits until somebody
confirms it. ` + "`sluice status`" + ` shows the tenants and the digest; its first 8 characters are enough.`,
		Example: "  sluice confirm 3fa1b2c4 --reason 'customers moved to the new region'",
		Args:    one("DIGEST"),
	}
	out := addOutput(c)
	c.Flags().StringVar(&reason, "reason", "", "why; kept in the log (asked for on a terminal)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := why(c, &reason); err != nil {
			return err
		}
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			done, err := gateway.Confirm(ctx, api.Confirmation{Digest: args[0], Reason: reason})
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), done, func(w io.Writer) {
				fmt.Fprintf(w, "Confirmed: %s removed (%s).\n", plural(len(done.Removed), "tenant"), few(done.Removed))
			})
		})
	}
	return c
}
