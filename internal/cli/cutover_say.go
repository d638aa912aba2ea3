package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

// word is something that may be said to a cutover.
type word struct {
	name, short, long, reason string
	question                  string // with the tenant and the id; empty: it is not asked
	done                      string
}

func words() []word {
	return []word{
		{
			name: "pause", short: "Keep a cutover where it is", done: "paused", reason: "wait for the invoices",
			long: "No further share, no deadline, until it is resumed. Not while requests are held: abort it then,\nor let it end.",
		},
		{
			name: "resume", short: "Let a paused cutover go on", done: "going on", reason: "invoices are out",
			long: "The time of its phase begins anew.",
		},
		{
			name: "abort", short: "Undo a cutover", question: "Take %s back (%s)?", done: "on its way back", reason: "invoices fail on green",
			long: `The old side takes new sessions at once, and those that had moved go home with their next
request. Requests that have begun finish where they are; none is sent twice. Past the point of
no return it is refused.`,
		},
		{
			name: "confirm", short: "Say that the external step is done", done: "confirmed: the new side is verified next", reason: "upgrade ended well, log checked",
			long: "Also says that the new side was repaired, for a cutover that has failed past the point of no return.",
		},
	}
}

func cutoverWords(find *connect) []*cobra.Command {
	var all []*cobra.Command
	for _, w := range words() {
		all = append(all, wordCommand(find, w))
	}
	return all
}

func wordCommand(find *connect, w word) *cobra.Command {
	c := &cobra.Command{
		Use: w.name + " CUTOVER", Short: w.short, Long: w.long,
		Args: one("CUTOVER or TENANT"), ValidArgsFunction: find.tenantNames,
		Example: fmt.Sprintf("  sluice cutover %s acme --reason '%s'", w.name, w.reason),
	}
	d := decides(c, find)
	c.RunE = func(c *cobra.Command, args []string) error {
		return d.tell(c, args[0], w, func() any { return api.Command{Reason: d.reason} })
	}
	return c
}

func cutoverPromoteCommand(find *connect) *cobra.Command {
	w := word{name: "promote", question: "Go on with %s (%s)?", done: "going on"}
	c := &cobra.Command{
		Use: "promote CUTOVER", Short: "Do not wait any longer: go on with a cutover",
		Long: `A drain moves the sessions that are left, a shift takes its next share, a watch ends, and a
preflight that has failed is passed over. With --share a shift takes that share instead, up or
down; sessions that have moved stay where they are.`,
		Example: "  sluice cutover promote acme --reason 'looks good'\n  sluice cutover promote acme --share 20 --reason 'slower'",
		Args:    one("CUTOVER or TENANT"), ValidArgsFunction: find.tenantNames,
	}
	d := decides(c, find)
	share := c.Flags().Float64("share", 0, "take this share of a shift, in `PERCENT`, instead of the next stage")
	c.RunE = func(c *cobra.Command, args []string) error {
		return d.tell(c, args[0], w, func() any {
			in := api.Promotion{Reason: d.reason}
			if c.Flags().Changed("share") {
				in.Percent = share
			}
			return in
		})
	}
	return c
}

// tell says a word to the cutover that is meant.
func (d *decision) tell(c *cobra.Command, name string, w word, in func() any) error {
	var found api.Cutover
	if err := d.find.ask(c, func(ctx context.Context, g *client.Client) (err error) {
		found, err = findCutover(ctx, g, name)
		return err
	}); err != nil {
		return err
	}
	s := step{
		what:  fmt.Sprintf("%s the %s of %s from %s to %s, which is %s", w.name, found.Strategy, found.Tenant, found.From, found.To, phaseWords(found)),
		quiet: true,
		tag:   tenantTag(found.Tenant),
		send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
			done, err := d.insist(ctx, g, found, w.name, in(), care)
			return done, done.Change, err
		},
		done: func(out io.Writer, _ any) {
			fmt.Fprintf(out, "Cutover %s of %s is %s. See how:  sluice cutover watch %s\n", found.ID, found.Tenant, w.done, found.Tenant)
		},
	}
	if w.question != "" {
		s.question = fmt.Sprintf(w.question, found.Tenant, found.ID)
	}
	return d.take(c, s)
}

// insisting is how often a word is said again to a cutover that has moved on meanwhile.
const insisting = 5

// insist says a word again when the cutover took a step of its own between the look and the
// word. To promote is said of a phase, and is not carried over to the next; the others mean
// the same in any.
func (d *decision) insist(ctx context.Context, g *client.Client, seen api.Cutover, word string, in any, care client.Care) (api.CutoverChange, error) {
	for try := 1; ; try++ {
		done, err := g.TellCutover(ctx, seen.ID, word, in, care)
		if !isStatus(err, http.StatusPreconditionFailed) || try == insisting {
			return done, err
		}
		now, lookErr := g.Cutover(ctx, seen.ID)
		if lookErr != nil || word == "promote" && (now.Phase != seen.Phase || now.Percent != seen.Percent) {
			return done, err
		}
		if care.Seen, lookErr = g.TenantTag(ctx, seen.Tenant); lookErr != nil {
			return done, err
		}
	}
}

func cutoverEvictCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "evict TENANT REPLICA", Short: "Say that a silent gateway is gone, so that nobody waits for it",
		Long: `As long as a gateway is silent, what is left is unknown and a cutover waits. Evict it when you
know that it does not run. Should it come back, it does not serve the tenant until it has caught
up. sluice cutover status shows the ids.`,
		Example: "  sluice cutover evict acme 4b0a1m2c --reason 'node-b was shut down'",
		Args:    two("TENANT", "REPLICA"), ValidArgsFunction: find.tenantNames,
	}
	d := decides(c, find)
	c.RunE = func(c *cobra.Command, args []string) error {
		tenant, replica := args[0], args[1]
		return d.take(c, step{
			what:     fmt.Sprintf("Go on without gateway %s for %s", replica, tenant),
			question: "Is it sure that it does not run any more?",
			tag:      tenantTag(tenant),
			send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
				done, err := g.Evict(ctx, tenant, replica, api.ReasonOnly{Reason: d.reason}, care)
				return done, done, err
			},
			done: func(w io.Writer, _ any) {
				fmt.Fprintf(w, "Nobody waits for gateway %s at %s any more.\n", replica, tenant)
			},
		})
	}
	return c
}
