package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func overridesCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "overrides", Short: "List what was decided at runtime, on top of what is declared", Args: none,
		Long: `Holds, maintenance pages and states of servers end at their time, or when somebody ends them. A
completed cutover ("settled") stays until the declared active release says the same.`,
		Example: "  sluice overrides",
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			all, err := g.Overrides(ctx)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.OverrideList{Overrides: all}, func(w io.Writer) {
				if len(all) == 0 {
					fmt.Fprintln(w, "Nothing: all is as declared.")
					return
				}
				overrideTable(w, all)
			})
		})
	}
	return c
}

func overrideTable(w io.Writer, all []api.Override) {
	var lines [][]string
	for _, o := range all {
		until := "somebody ends it"
		switch {
		case o.Expires != nil:
			until = o.Expires.Local().Format(time.DateTime)
		case o.Kind == "settled":
			until = "the declaration agrees"
		case o.Kind == "cutover":
			until = "it is over"
		}
		lines = append(lines, []string{o.Kind, o.Target, o.Value, o.Since.Local().Format(time.DateTime), until, o.Actor, o.Reason})
	}
	rows(w, []string{"WHAT", "OF", "IS", "SINCE", "UNTIL", "BY", "REASON"}, lines)
}

var errDrifted = errors.New("what is declared and what holds are different")

func diffCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "diff [TENANT]", Short: "Compare what is declared with what holds",
		Long: `Lists the tenants that are not where they are declared to be, and what was decided at runtime on
top. To make both agree commit what sluice export prints, or move the tenant back.`,
		Example: "  sluice diff\n  sluice diff acme\n  sluice diff --exit-code || page-somebody.sh",
		Args:    atMostOne("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	strict := c.Flags().Bool("exit-code", false, "end with exit code 1 when there is a difference")
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			all, err := differences(ctx, g, args)
			if err != nil {
				return err
			}
			if err := out.print(c.OutOrStdout(), all, func(w io.Writer) { showDifferences(w, all) }); err != nil {
				return err
			}
			if *strict && len(all) > 0 {
				return errDrifted
			}
			return nil
		})
	}
	return c
}

// differences are the tenants that are not as declared: the one that is named, or all.
func differences(ctx context.Context, g *client.Client, args []string) ([]api.Effective, error) {
	names := map[string]bool{}
	if len(args) == 1 {
		names[args[0]] = true
	} else {
		all, err := g.Overrides(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			if o.Kind != "backend" {
				names[o.Target] = true
			}
		}
	}
	out := []api.Effective{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		one, err := g.Effective(ctx, name)
		if err != nil {
			return nil, err
		}
		if one.Drifted || one.Declared != one.Active || len(one.Runtime) > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

func showDifferences(w io.Writer, all []api.Effective) {
	if len(all) == 0 {
		fmt.Fprintln(w, "No difference.")
		return
	}
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "Tenant %s\n", e.Tenant)
		if e.Declared != e.Active {
			fmt.Fprintf(w, "- active: %s\n+ active: %s\n", e.Declared, e.Active)
		}
		for _, o := range e.Runtime {
			if o.Kind == "settled" && e.Declared != e.Active {
				continue // that is the difference above
			}
			fmt.Fprintf(w, "+ %s: %s (%s, by %s)\n", o.Kind, o.Value, o.Reason, o.Actor)
		}
		if e.Drifted {
			fmt.Fprintf(w, "To agree: sluice export %s, and commit it; or move it back: sluice cutover start %s --to %s\n", e.Tenant, e.Tenant, e.Declared)
		}
	}
}

func exportCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "export [TENANT]", Short: "Print what holds as declared resources, for Git",
		Long:    "The document of the tenant as somebody wrote it, comments too, with the active release that holds;\nwithout TENANT those of all tenants that are not where they are declared to be. Holds, maintenance\npages and states of servers are not in it.",
		Example: "  sluice export acme > tenants/acme.yaml",
		Args:    atMostOne("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			text, err := g.Export(ctx, first(args))
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		})
	}
	return c
}
