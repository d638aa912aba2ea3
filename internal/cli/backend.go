package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

func backendCommand(find *connect) *cobra.Command {
	c := &cobra.Command{Use: "backend", Short: "Show Odoo servers, take them out of service and back", Aliases: []string{"backends"}}
	c.AddCommand(backendListCommand(find))
	c.AddCommand(backendStateCommands(find)...)
	return c
}

func backendListCommand(find *connect) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the Odoo servers and how they are", Args: none, Aliases: []string{"ls"}}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return find.ask(c, func(ctx context.Context, gateway *client.Client) error {
			pools, err := gateway.PoolStatuses(ctx)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.PoolStatusList{Pools: pools}, func(w io.Writer) { backendTable(w, pools) })
		})
	}
	return c
}

func backendTable(w io.Writer, pools []api.PoolStatus) {
	var lines [][]string
	for _, p := range pools {
		for _, b := range p.Backends {
			lines = append(lines, append([]string{p.Name}, append(backendCells(b), few(p.Tenants), b.Reason)...))
		}
	}
	if len(lines) == 0 {
		fmt.Fprintln(w, "No backends: no pool is served. See `sluice status`.")
		return
	}
	rows(w, []string{"POOL", "BACKEND", "STATE", "BUSY", "WAITING", "SOCKETS", "TENANTS", "WHY"}, lines)
}

// backendCells are the columns BACKEND, STATE, BUSY, WAITING and SOCKETS.
func backendCells(b api.BackendStatus) []string {
	busy := strconv.Itoa(b.InFlight)
	if b.Workers > 0 {
		busy += " of " + strconv.Itoa(b.Workers)
	}
	if b.Slots > 0 && b.Slots < b.Workers { // replicas share them
		busy += " (" + strconv.Itoa(b.Slots) + " here)"
	}
	return []string{b.Name, b.State, busy, strconv.Itoa(b.Waiting), strconv.Itoa(b.Sockets)}
}
