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

func tenantTesterCommand(find *connect) *cobra.Command {
	var in api.TesterRequest
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "tester TENANT",
		Short: "Make a pass that leads its holder to one release",
		Long: `The pass beats every pin: whoever sends it gets the release that it names, for as long as it
lasts. Nobody else is moved. It goes into a request header or into a cookie; neither reaches
Odoo. The answer's header X-Sluice-Tester says whether it counted.`,
		Example: "  sluice tenant tester acme --release green --for 2h --reason 'check before the cutover'",
		Args:    one("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	c.Flags().StringVar(&in.Release, "release", "", "release that the pass leads to (required)")
	c.Flags().StringVar(&in.Backend, "backend", "", "server of that release; any by default")
	c.Flags().DurationVar(&lasts, "for", 2*time.Hour, "how long the pass is good for, a week at most")
	c.Flags().StringVar(&in.Reason, "reason", "", "why; kept in the log (asked for on a terminal)")
	c.RunE = func(c *cobra.Command, args []string) error {
		in.Seconds = int64(lasts / time.Second)
		switch {
		case in.Release == "":
			return usageError{fmt.Errorf("say which release with --release")}
		case in.Seconds < 1:
			return usageError{fmt.Errorf("--for %v is too short", lasts)}
		}
		if err := why(c, &in.Reason); err != nil {
			return err
		}
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			pass, err := gateway.TesterPass(ctx, args[0], in)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), pass, func(w io.Writer) { showPass(w, pass) })
		})
	}
	return c
}

func showPass(w io.Writer, p api.TesterPass) {
	fmt.Fprintf(w, "A pass to release %s of tenant %s, until %s.\n\n", p.Release, p.Tenant, p.Until.Format(time.RFC3339))
	fmt.Fprintf(w, "As a header:\n  %s: %s\n\n", p.Header, p.Pass)
	fmt.Fprintf(w, "In a browser, on the tenant's page, in the console of the developer tools:\n  document.cookie = \"%s=%s; path=/\"\n", p.Cookie, p.Pass)
}
