package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/audit"
	"sluicegate.dev/sluice/internal/client"
)

func auditCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "audit [TENANT]", Short: "List who changed what, and why",
		Long:    "Newest first, as the gateway that you ask has written it: each gateway keeps the changes that were\nasked of it.",
		Example: "  sluice audit acme --since 24h",
		Args:    atMostOne("TENANT"), ValidArgsFunction: find.tenantNames,
	}
	c.AddCommand(auditVerifyCommand(find))
	out := addOutput(c)
	since := c.Flags().Duration("since", 0, "only what is younger")
	limit := c.Flags().Int("limit", 50, "how many")
	c.RunE = func(c *cobra.Command, args []string) error {
		var from time.Time
		if *since > 0 {
			from = time.Now().Add(-*since)
		}
		return find.ask(c, func(ctx context.Context, g *client.Client) error {
			all, err := g.Audit(ctx, first(args), from, *limit)
			if err != nil {
				return err
			}
			return out.print(c.OutOrStdout(), api.AuditList{Records: all}, func(w io.Writer) { auditTable(w, all) })
		})
	}
	return c
}

func auditVerifyCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "verify [DIR]", Short: "Prove that nobody has changed the audit log",
		Long: `Each record names the hash of the one before: one that was changed, left out or put in shows.
DIR is the folder that holds audit.log; by default the folder audit in the data directory. It needs
no gateway, and may be run on a copy.`,
		Example: "  sluice audit verify /var/lib/sluice/audit",
		Args:    atMostOne("DIR"),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		dir := filepath.Join(find.options.DataDir, "audit")
		if len(args) == 1 {
			dir = args[0]
		}
		records, err := audit.Verify(dir)
		if err != nil {
			return err
		}
		if records == 0 {
			return fmt.Errorf("there is no audit log in %s: name the folder audit in the gateway's data directory", dir)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s, each in its place.\n", plural(records, "record"))
		return nil
	}
	return c
}

func auditTable(w io.Writer, all []api.AuditRecord) {
	if len(all) == 0 {
		fmt.Fprintln(w, "Nothing was changed in that time.")
		return
	}
	var lines [][]string
	for _, r := range all {
		lines = append(lines, []string{strconv.FormatUint(r.Sequence, 10), r.At.Local().Format(time.DateTime), r.Actor, r.Operation, r.Target, r.Reason})
	}
	rows(w, []string{"NUMBER", "WHEN", "WHO", "DID", "TO", "WHY"}, lines)
}
