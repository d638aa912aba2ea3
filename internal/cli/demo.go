package cli

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/internal/demo"
)

func demoCommand(deps Deps) *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a gateway in front of stand-in Odoo servers",
		Long: `Run a gateway with four sample tenants in front of stand-in Odoo servers, all in this
process, and print what to try. Nothing else has to be installed. The *.localhost names
work in browsers without any set-up.`,
		Args: none,
	}
	c.Flags().StringVar(&o.Dir, "dir", "", "`DIR` to work in and keep (default: a temporary one)")
	c.Flags().IntVar(&o.Port, "port", 8080, "`PORT` of the gateway; a free one when it is taken")
	c.RunE = func(c *cobra.Command, _ []string) error {
		o.Out, o.Command = c.OutOrStdout(), os.Args[0]
		o.Log = func(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
		o.Serve = func(ctx context.Context, install string, log *slog.Logger) error {
			return deps.Serve(ctx, ServeOptions{Install: install, Version: deps.Build.Version, Log: log})
		}
		return demo.Run(c.Context(), o)
	}
	return c
}
