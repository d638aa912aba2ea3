package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

// decision is what all commands share that change what happens to people: a reason, a look
// at the impact first, and a question.
type decision struct {
	find   *connect
	out    *output
	reason string
	yes    bool
	dryRun bool
}

// decides gives c the flags of a decision.
func decides(c *cobra.Command, find *connect) *decision {
	d := &decision{find: find, out: addOutput(c)}
	c.Flags().StringVar(&d.reason, "reason", "", "why; kept in the audit log (asked for on a terminal)")
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&d.dryRun, "dry-run", false, "show what it would do, and to how many, and do nothing")
	return d
}

// step is one decision: what is at stake, what is sent, how people hear of it.
type step struct {
	what     string // "drain from blue to green of acme", for the question
	question string // empty: it is not asked
	// quiet steps need no --yes where there is nobody to ask: the way back must be short.
	quiet bool
	tag   func(context.Context, *client.Client) (string, error)
	send  func(context.Context, *client.Client, client.Care) (any, api.Change, error)
	done  func(io.Writer, any)
}

// take shows the impact, asks, and does it against the state that was shown.
func (d *decision) take(c *cobra.Command, s step) error {
	if d.dryRun && d.reason == "" {
		d.reason = "dry run" // it decides nothing
	}
	if err := why(c, &d.reason); err != nil {
		return err
	}
	care, err := d.look(c, s)
	if err != nil || d.dryRun {
		return err
	}
	if s.question != "" && (person(c) || !s.quiet) {
		if err := sure(c, d.yes, s.question); err != nil {
			return err
		}
	}
	return d.find.ask(c, func(ctx context.Context, gateway *client.Client) error {
		answer, change, err := s.send(ctx, gateway, care)
		if err != nil {
			return d.stale(c, err)
		}
		if err := d.out.print(c.OutOrStdout(), answer, func(w io.Writer) { s.done(w, answer) }); err != nil {
			return err
		}
		aftermath(c.ErrOrStderr(), change)
		return nil
	})
}

// look finds out what the decision rests on, and shows whom it concerns.
func (d *decision) look(c *cobra.Command, s step) (care client.Care, err error) {
	err = d.find.ask(c, func(ctx context.Context, gateway *client.Client) error {
		if care.Seen, err = s.tag(ctx, gateway); err != nil {
			return err
		}
		if s.question == "" && !d.dryRun {
			return nil
		}
		answer, change, err := s.send(ctx, gateway, client.Care{DryRun: true, Seen: care.Seen})
		if err != nil {
			return d.stale(c, err)
		}
		if d.dryRun {
			return d.out.print(c.OutOrStdout(), answer, func(w io.Writer) { impact(w, s.what, change) })
		}
		impact(c.ErrOrStderr(), s.what, change)
		return nil
	})
	return care, err
}

// stale explains the refusals that a second look resolves.
func (d *decision) stale(c *cobra.Command, err error) error {
	var refused *client.Refused
	if errors.As(err, &refused) && refused.Status == http.StatusPreconditionFailed {
		return fmt.Errorf("%w. Somebody or something was faster, so nothing was changed: look again and repeat `%s`", err, c.CommandPath())
	}
	return err
}

// impact says what a change does and whom it concerns.
func impact(w io.Writer, what string, change api.Change) {
	fmt.Fprintf(w, "%s:\n", what)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, f := range change.Changes {
		fmt.Fprintf(table, "  %s\t%s -> %s\n", f.Field, orDash(f.From), orDash(f.To))
	}
	if i := change.Impact; i != nil {
		fmt.Fprintf(table, "  concerns now\t%s\n", concerned(*i))
		if len(i.Tenants) > 1 {
			fmt.Fprintf(table, "  tenants\t%s\n", few(i.Tenants))
		}
	}
	_ = table.Flush()
	for _, text := range change.Warnings {
		fmt.Fprintf(w, "  !! %s\n", text)
	}
}

// concerned is "212 sessions, 31 with sockets, 7 requests in flight".
func concerned(i api.Impact) string {
	text := fmt.Sprintf("%s, %s, %s in flight", plural(i.Sessions, "session"), plural(i.Sockets, "socket"), plural(i.InFlight, "request"))
	if !i.Known {
		return "at least " + text + "; a gateway is silent, the real numbers may be higher"
	}
	return text
}

// aftermath says what a change has not reached yet.
func aftermath(w io.Writer, change api.Change) {
	for _, text := range change.Warnings {
		fmt.Fprintln(w, "!! "+text)
	}
	if len(change.Laggards) > 0 {
		fmt.Fprintf(w, "!! Not everywhere yet: %s. They follow when they hear of it; see `sluice status`.\n", strings.Join(change.Laggards, ", "))
	}
	if !change.Shared {
		fmt.Fprintln(w, "!! The store does not answer: this holds on the gateway that you asked, and only there. Say it to the other gateways too (--server).")
	}
}
