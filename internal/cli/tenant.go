package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func tenantCommand(find *connect) *cobra.Command {
	c := &cobra.Command{Use: "tenant", Short: "Show tenants, close and open them", Aliases: []string{"tenants"}}
	c.AddCommand(tenantListCommand(find), tenantShowCommand(find), tenantTesterCommand(find), tenantMaintenanceCommand(find), tenantWaitCommand(find))
	return c
}

func tenantListCommand(find *connect) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the tenants that are served", Args: none, Aliases: []string{"ls"}}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			tenants, err := gateway.Tenants(ctx)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.TenantList{Tenants: tenants}, func(w io.Writer) { tenantTable(w, tenants) })
		})
	}
	return c
}

func tenantTable(w io.Writer, tenants []api.Tenant) {
	if len(tenants) == 0 {
		fmt.Fprintln(w, "No tenants: add a document of kind Tenant to the directory in spec.sources, or see `sluice status`.")
		return
	}
	lines := make([][]string, 0, len(tenants))
	for _, t := range tenants {
		active := t.Releases[t.Active]
		lines = append(lines, []string{t.Name, few(t.Hosts), t.Active, active.Pool, active.Database})
	}
	rows(w, []string{"TENANT", "HOSTS", "ACTIVE", "POOL", "DATABASE"}, lines)
}

// few names the first two of many.
func few(all []string) string {
	if len(all) <= 2 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s, %s and %d more", all[0], all[1], len(all)-2)
}

// shownTenant is what `tenant show` prints: declared and live state.
type shownTenant struct {
	Tenant    api.Tenant       `json:"tenant"`
	Status    api.TenantStatus `json:"status"`
	Effective api.Effective    `json:"effective"`
}

func tenantShowCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "show TENANT", Short: "Show one tenant: what is declared and how its servers are",
		Args: one("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			tenant, err := gateway.Tenant(ctx, args[0])
			if err != nil {
				return err
			}
			status, err := gateway.TenantStatus(ctx, args[0])
			if err != nil {
				return err
			}
			effective, err := gateway.Effective(ctx, args[0])
			if err != nil {
				return err
			}
			shown := shownTenant{tenant, status, effective}
			return out.print(c.OutOrStdout(), shown, func(w io.Writer) { showTenant(w, shown) })
		})
	}
	return c
}

func showTenant(w io.Writer, s shownTenant) {
	t := s.Tenant
	fmt.Fprintf(w, "Tenant %s\n", t.Name)
	facts := [][2]string{
		{"source", s.Status.Source},
		{"state", tenantState(s.Status.State)},
		{"active", activeWords(s.Effective)},
		{"now", nowWords(s.Effective)},
		{"hosts", strings.Join(t.Hosts, ", ")},
		{"tls", onOff(t.TLS)},
		{"manager", onOff(t.Manager)},
		{"own classes", strings.Join(t.Classes, ", ")},
		{"middlewares", strings.Join(t.Middlewares, ", ")},
	}
	for _, f := range facts {
		if f[1] != "" {
			fmt.Fprintf(w, "  %-12s %s\n", f[0], f[1])
		}
	}
	fmt.Fprintln(w)
	rows(w, []string{"RELEASE", "POOL", "DATABASE", "BACKEND", "STATE", "BUSY", "WAITING", "SOCKETS"}, tenantBackends(s))
	if len(s.Effective.Runtime) > 0 {
		fmt.Fprintln(w, "\nDecided at runtime:")
		overrideTable(w, s.Effective.Runtime)
	}
	showProblems(w, s.Status.Problems)
}

// activeWords are the release that takes new sessions, and whether that is declared.
func activeWords(e api.Effective) string {
	if e.Drifted {
		return fmt.Sprintf("%s, DRIFTED: declared is %s; see `sluice diff %s`", e.Active, e.Declared, e.Tenant)
	}
	return e.Active
}

func nowWords(e api.Effective) string {
	switch {
	case e.Page:
		return "MAINTENANCE PAGE"
	case e.Held:
		return "HELD: requests wait at the edge"
	}
	return ""
}

func tenantBackends(s shownTenant) [][]string {
	var lines [][]string
	for _, name := range slices.Sorted(maps.Keys(s.Tenant.Releases)) {
		release := s.Tenant.Releases[name]
		label := name
		if name == cmp.Or(s.Effective.Active, s.Tenant.Active) {
			label += " (active)"
		}
		for _, b := range s.Status.Releases[name].Pool.Backends {
			lines = append(lines, append([]string{label, release.Pool, release.Database}, backendCells(b)...))
		}
	}
	for _, class := range slices.Sorted(maps.Keys(s.Status.Classes)) {
		for _, b := range s.Status.Classes[class].Backends {
			lines = append(lines, append([]string{"class " + class, s.Tenant.ClassPools[class], ""}, backendCells(b)...))
		}
	}
	return lines
}

// tenantState says what the states that need attention mean.
func tenantState(state string) string {
	switch state {
	case "stale":
		return "stale: the declared version is broken, the last good one is served"
	case "vanished":
		return "vanished: not declared any more, served for a while"
	}
	return state
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
