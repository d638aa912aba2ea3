package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func statusCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "Show how the gateway is doing", Args: none,
		Long: `Show the version, the configuration in use and where it came from, what is wrong with the
configuration on disk, what waits for a confirmation, the store, the gateways that share it,
and the servers that are not up.`,
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			status, err := gateway.Status(ctx)
			if err != nil {
				return err
			}
			overrides, err := gateway.Overrides(ctx)
			if err != nil && !isStatus(err, http.StatusNotFound) { // an older gateway has none
				return err
			}
			return out.print(c.OutOrStdout(), status, func(w io.Writer) { showStatus(w, status, overrides) })
		})
	}
	return c
}

func showStatus(w io.Writer, s api.Status, overrides []api.Override) {
	ready := "ready"
	if !s.Ready {
		ready = "NOT READY: " + s.NotReady
	}
	b := s.Backends
	line := func(label, text string) { fmt.Fprintf(w, "%-14s %s\n", label, text) }
	line("Gateway", fmt.Sprintf("%s, up %s, %s", s.Version, uptime(s.UptimeSeconds), ready))
	line("Configuration", configuration(s.Configuration))
	line("Serving", plural(s.Tenants, "tenant")+", "+plural(s.Pools, "pool"))
	line("Backends", fmt.Sprintf("%d up, %d saturated, %d down, %d not probed yet", b.Up, b.Saturated, b.Down, b.Unknown))
	line("Store", storeLine(s.Store))
	if s.Store.Kind == api.StoreRedis {
		line("Replicas", replicasLine(s.Replicas))
	}
	if text := runtimeLine(overrides); text != "" {
		line("Runtime", text)
	}
	showPending(w, s.Pending)
	showProblems(w, s.Problems)
	if len(s.Unwell) > 0 {
		fmt.Fprintln(w)
		backendTable(w, s.Unwell)
	}
}

// runtimeLine is "1 cutover, 2 settled: see `sluice overrides`".
func runtimeLine(all []api.Override) string {
	count := map[string]int{}
	for _, o := range all {
		count[o.Kind]++
	}
	var words []string
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		words = append(words, fmt.Sprintf("%d %s", count[kind], kind))
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ", ") + ": see `sluice overrides`"
}

func storeLine(s api.StoreStatus) string {
	if s.Healthy {
		return s.Kind
	}
	return s.Kind + ", DOES NOT ANSWER: sessions find their server by their cookie"
}

// replicasLine is "2: node-a (this one), node-b".
func replicasLine(l api.ReplicaList) string {
	if !l.Known && l.AsOf == nil {
		return "UNKNOWN: the store never said"
	}
	names := make([]string, 0, len(l.Replicas))
	for _, r := range l.Replicas {
		name := r.Host
		if r.Self {
			name += " (this one)"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	text := fmt.Sprintf("%d: %s", len(names), strings.Join(names, ", "))
	if !l.Known {
		text += ", AS OF " + l.AsOf.Local().Format(time.DateTime)
	}
	return text
}

func configuration(c api.Configuration) string {
	text := c.Revision
	switch c.Origin {
	case api.OriginNone:
		return "none yet"
	case api.OriginLastGood:
		text += ", LAST GOOD COPY: the source could not be used, see below"
	}
	if c.Since != nil {
		text += ", in use since " + c.Since.Local().Format(time.DateTime)
	}
	return text
}

func showPending(w io.Writer, p *api.PendingRemoval) {
	if p == nil {
		return
	}
	fmt.Fprintf(w, "\nA change would remove %s (%s) and waits since %s.\n", fraction(len(p.Tenants), p.Of), few(p.Tenants), p.Since.Local().Format(time.DateTime))
	fmt.Fprintf(w, "If that is meant:  sluice confirm %s --reason WHY\n", p.Digest)
}

// fraction is "3 of 12 tenants".
func fraction(n, of int) string {
	if of == 0 {
		return plural(n, "tenant")
	}
	return fmt.Sprintf("%d of %s", n, plural(of, "tenant"))
}

func showProblems(w io.Writer, problems []api.Problem) {
	if len(problems) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s in the configuration:\n", plural(len(problems), "problem"))
	for _, p := range problems {
		fmt.Fprintln(w, "  "+problemLine(p))
		if p.Hint != "" {
			fmt.Fprintln(w, "      "+p.Hint)
		}
	}
}

// problemLine is one problem in the form that editors and terminals link: file:line:column.
func problemLine(p api.Problem) string {
	text := p.Message
	for _, part := range []string{p.Field, p.Resource} {
		if part != "" {
			text = part + ": " + text
		}
	}
	if p.Warning {
		text = "warning: " + text
	}
	switch {
	case p.File == "":
		return text
	case p.Line == 0:
		return p.File + ": " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, text)
}

func uptime(seconds int64) string {
	up := time.Duration(seconds) * time.Second
	if up < 48*time.Hour {
		return up.String()
	}
	return fmt.Sprintf("%d days", int(up.Hours()/24))
}
