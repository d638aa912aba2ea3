package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

// pollFor is how long one question waits at the gateway: shorter than what stands between us
// may cut.
const pollFor = 20 * time.Second

func tenantWaitCommand(find *connect) *cobra.Command {
	until := choice{value: "drained", of: []string{"drained", "held", "completed"}}
	c := &cobra.Command{
		Use: "wait TENANT", Short: "Wait until a tenant is drained, held, or its cutover completed",
		Long: `drained: nothing is in flight, and no session or socket is left, on the side that is left.
held: every gateway holds the tenant's requests. completed: its cutover is; one that was aborted
or has failed ends the wait with exit code 1.

As long as a gateway is silent nobody knows, and it goes on waiting. Exit code 0 when it is so, 4
when it is not so after --for; standard error says what is left then.`,
		Example: "  sluice tenant wait acme --until drained --for 30m && stop-blue.sh",
		Args:    one("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	c.Flags().Var(&until, "until", "drained, held or completed")
	_ = c.RegisterFlagCompletionFunc("until", cobra.FixedCompletions(until.of, cobra.ShellCompDirectiveNoFileComp))
	most := c.Flags().Duration("for", 10*time.Minute, "how long to wait")
	c.RunE = func(c *cobra.Command, args []string) error {
		gateway, err := find.client(c)
		if err != nil {
			return err
		}
		w := waiting{find: find, gateway: gateway, tenant: args[0], until: until.value, end: time.Now().Add(*most)}
		done, err := w.run(c.Context())
		if err != nil {
			return err
		}
		return out.print(c.OutOrStdout(), done, func(o io.Writer) { fmt.Fprintf(o, "%s is %s.\n", w.tenant, w.until) })
	}
	return c
}

// waiting asks until it is so, or the time is over.
type waiting struct {
	find          *connect
	gateway       *client.Client
	tenant, until string
	end           time.Time
}

func (w waiting) run(ctx context.Context) (api.Waited, error) {
	for heard := false; ; {
		left := time.Until(w.end)
		done, err := w.once(ctx, min(max(left, 0), pollFor))
		heard = heard || err == nil
		switch {
		case ctx.Err() != nil:
			return done, fmt.Errorf("%s: %w", w.tenant, errInterrupted)
		case err != nil && heard && left > 0 && passing(err):
			wait(ctx, min(retry, left))
		case err != nil:
			return done, err
		case done.Reached:
			return done, w.well(ctx)
		case left <= 0:
			return done, w.notYet(done.Remainder)
		}
	}
}

// passing says whether an error may be that of a gateway that starts again.
func passing(err error) bool {
	var unreachable *client.Unreachable
	return errors.As(err, &unreachable) || isStatus(err, http.StatusServiceUnavailable)
}

// well looks at how a cutover ended: whoever waits for its end goes on with what cannot be
// undone.
func (w waiting) well(ctx context.Context) error {
	if w.until != "completed" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.find.timeout)
	defer cancel()
	found, err := findCutover(ctx, w.gateway, w.tenant)
	if err != nil {
		return err
	}
	return outcome(found)
}

func (w waiting) once(ctx context.Context, most time.Duration) (api.Waited, error) {
	ctx, cancel := context.WithTimeout(ctx, most+w.find.timeout)
	defer cancel()
	return w.gateway.Wait(ctx, w.tenant, w.until, most)
}

// notYet says what is left.
func (w waiting) notYet(left *api.Remainder) error {
	if left == nil {
		left = &api.Remainder{Known: true}
	}
	s := scene{}
	s.remainder(left)
	detail := append([]string{cmp.Or(s.fact("left"), "see sluice cutover status "+w.tenant)}, s.trouble...)
	return fmt.Errorf("%w: %s is not %s: %s", errNotYet, w.tenant, w.until, strings.Join(detail, "; "))
}
