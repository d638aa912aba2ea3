package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

const longStart = `Shows what the cutover would do and whom it concerns, asks, and begins. It goes on by itself
then, whatever becomes of this command: sluice cutover watch shows how.

What no flag says is as the tenant declares it (spec.cutover), then the defaults.`

const exampleStart = `  sluice cutover start acme --to green --dry-run
  sluice cutover start acme --to green --reason 'release 18.0.4, change 4711'
  sluice cutover start acme --to green --strategy shift --share 10,50,100 --for 15m --mode navigation --reason 'try 18.0.4'
  sluice cutover start acme --to v19 --strategy switch --external https://deploy.example/upgrade --no-return --reason 'Odoo 19'
  sluice cutover start acme --to standby --strategy failover --reason 'region west is gone'`

// startFlags are what `cutover start` is told.
type startFlags struct {
	api.CutoverRequest
	strategy, mode choice
	shares         []string
	each           time.Duration
	deadline, idle time.Duration
	hold, wayBack  time.Duration
	external       string
	noReturn       bool
}

func cutoverStartCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "start TENANT --to RELEASE", Short: "Move a tenant to another release", Long: longStart, Example: exampleStart,
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	d, f := decides(c, find), startFlagsOf(c)
	_ = c.RegisterFlagCompletionFunc("to", find.releaseNames)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.settle(args[0]); err != nil {
			return usageError{err}
		}
		tenant := args[0]
		return d.take(c, step{
			what:     fmt.Sprintf("Move %s to %s", tenant, f.To),
			question: "Start it?",
			tag:      tenantTag(tenant),
			send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
				f.Reason = d.reason
				done, err := g.StartCutover(ctx, tenant, f.CutoverRequest, care)
				return done, flagged(done.Change), inFlags(err)
			},
			done: func(w io.Writer, answer any) { begun(w, tenant, answer.(api.CutoverChange).Cutover) },
		})
	}
	return c
}

func startFlagsOf(c *cobra.Command) *startFlags {
	f := &startFlags{strategy: choice{of: []string{"drain", "shift", "switch", "failover"}}, mode: choice{of: []string{"new-sessions", "navigation", "all"}}}
	flags := c.Flags()
	flags.StringVar(&f.To, "to", "", "`RELEASE` to move to; standby is the one that spec.standby declares (required)")
	flags.Var(&f.strategy, "strategy", "drain, shift, switch or failover")
	flags.StringSliceVar(&f.shares, "share", nil, "stages of a shift, in `PERCENT`, such as 10,50,100")
	flags.DurationVar(&f.each, "for", 0, "how long each stage lasts; without it until somebody promotes")
	flags.Var(&f.mode, "mode", "which sessions a shift moves: new-sessions, navigation or all")
	flags.DurationVar(&f.deadline, "deadline", 0, "when the sessions that are left on the old side move, at the latest")
	flags.DurationVar(&f.idle, "idle", 0, "a session that is quiet for so long is not waited for")
	flags.DurationVar(&f.hold, "hold", 0, "how long a request waits during a switch, at most")
	flags.DurationVar(&f.wayBack, "way-back", 0, "how long the gates are judged and the way back stays open after the change")
	flags.StringVar(&f.external, "external", "", "`URL` that is called while requests are held, or the word operator: wait for sluice cutover confirm")
	flags.BoolVar(&f.noReturn, "no-return", false, "the external step cannot be undone")
	flags.StringSliceVar(&f.Classes, "classes", nil, "move these `CLASSES` of programs alone, such as rpc")
	flags.StringSliceVar(&f.Paths, "paths", nil, "move these `PATHS` alone: exact, or a prefix that ends in /**")
	flags.BoolVar(&f.SkipPreflight, "skip-preflight", false, "start without the checks of both sides")
	flags.BoolVar(&f.OverrideCalendar, "override-calendar", false, "start although the calendar says no; the reason says why")
	_ = c.RegisterFlagCompletionFunc("strategy", cobra.FixedCompletions(f.strategy.of, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions(f.mode.of, cobra.ShellCompDirectiveNoFileComp))
	return f
}

// settle turns the flags into the request.
func (f *startFlags) settle(tenant string) error {
	if f.To == "" {
		return fmt.Errorf("say where to with --to RELEASE; `sluice tenant show %s` lists the releases", tenant)
	}
	f.Strategy, f.Mode = f.strategy.value, f.mode.value
	f.Deadline, f.Idle, f.Watch = orNothing(f.deadline), orNothing(f.idle), orNothing(f.wayBack)
	for _, text := range f.shares {
		percent, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
		if err != nil || percent <= 0 || percent > 100 {
			return fmt.Errorf("--share: %q is no percentage; write --share 10,50,100", text)
		}
		f.Shares = append(f.Shares, api.Share{Percent: percent, For: orNothing(f.each)})
	}
	switch {
	case f.each > 0 && len(f.shares) == 0:
		return errors.New("--for says how long the stages of --share last; give it too, as in --share 10,50,100")
	case f.noReturn && f.external == "":
		return errors.New("--no-return is about the external step; say which with --external")
	}
	if f.hold > 0 {
		f.Hold = &api.HoldBounds{Wait: f.hold.String()}
	}
	if f.external != "" {
		f.External = &api.ExternalStep{Webhook: strings.TrimSuffix(f.external, "operator"), NoReturn: f.noReturn}
	}
	return nil
}

// inFlags names the flag where the API names the field.
func inFlags(err error) error {
	var refused *client.Refused
	if errors.As(err, &refused) {
		refused.Detail = strings.ReplaceAll(refused.Detail, "overrideCalendar", "--override-calendar")
	}
	return err
}

func flagged(change api.Change) api.Change {
	change.Warnings = slices.Clone(change.Warnings)
	for i, text := range change.Warnings {
		change.Warnings[i] = strings.ReplaceAll(text, "overrideCalendar", "--override-calendar")
	}
	return change
}

func orNothing(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func begun(w io.Writer, tenant string, c *api.Cutover) {
	if c == nil {
		fmt.Fprintf(w, "The cutover of %s has begun. Watch it:  sluice cutover watch %s\n", tenant, tenant)
		return
	}
	fmt.Fprintf(w, `Cutover %s has begun: %s from %s to %s.

  watch it            sluice cutover watch %s
  wait no longer      sluice cutover promote %s
  go back             sluice cutover abort %s
`, c.ID, c.Strategy, c.From, c.To, tenant, tenant, tenant)
}

// releaseNames completes the release of the tenant that stands on the command line.
func (c *connect) releaseNames(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	err := c.briefly(command, func(ctx context.Context, gateway *client.Client) error {
		tenant, err := gateway.Tenant(ctx, args[0])
		names = slices.Sorted(maps.Keys(tenant.Releases))
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
