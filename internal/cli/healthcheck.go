package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/internal/client"
)

func healthcheckCommand(find *connect) *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask whether the gateway is alive (for containers)",
		Long: `Ask the running gateway whether it is alive, or with --ready whether it takes requests,
and say so by the exit code. It asks the admin socket, or with --server any listener that
answers /ping and /ready: the admin address or the ping entry point.`,
		Example: "  sluice healthcheck --data-dir /var/lib/sluice\n  sluice healthcheck --ready --server http://127.0.0.1:8082",
		Args:    none,
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it takes requests, not only whether it is alive")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			path, word := "/ping", "alive"
			if ready {
				path, word = "/ready", "ready"
			}
			if err := gateway.Probe(ctx, path); err != nil {
				return fmt.Errorf("not %s: %w", word, err)
			}
			fmt.Fprintln(c.OutOrStdout(), word)
			return nil
		})
	}
	return c
}
