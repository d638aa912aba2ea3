package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/internal/scaffold"
)

func initCommand() *cobra.Command {
	o := scaffold.Options{}
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a working directory for a new gateway",
		Long: `Write install settings (sluice.yaml) and one tenant (tenants/NAME.yaml) into DIR, with
comments that say what can be changed. Nothing is overwritten.`,
		Example: "  sluice init /etc/sluice --tenant acme --host erp.acme.example --backend http://127.0.0.1:8069 --realtime http://127.0.0.1:8072",
		Args:    cobra.MaximumNArgs(1),
	}
	f := c.Flags()
	f.StringVar(&o.Tenant, "tenant", "acme", "`NAME` of the tenant")
	f.StringSliceVar(&o.Hosts, "host", nil, "`HOST` that people use; repeat for more (default TENANT.localhost)")
	f.StringSliceVar(&o.Backends, "backend", []string{"http://127.0.0.1:8069"}, "`URL` of an Odoo server; repeat for more")
	f.StringSliceVar(&o.Realtime, "realtime", nil, "`URL` of its realtime (gevent) port, in the order of --backend")
	f.IntVar(&o.Workers, "workers", 0, "HTTP workers of each server (Odoo's --workers); 0 when unknown")
	f.StringVar(&o.Database, "database", "", "`NAME` of the Odoo database (default the tenant's name)")
	f.StringVar(&o.Version, "version", "18.0", "Odoo `VERSION`")
	f.IntVar(&o.Port, "port", 8080, "`PORT` to listen on")
	c.RunE = func(c *cobra.Command, args []string) error {
		dir := "."
		if len(args) == 1 {
			dir = args[0]
		}
		files, err := scaffold.Render(o)
		if err != nil {
			return usageError{err}
		}
		if err := scaffold.Write(dir, files); err != nil {
			return err
		}
		for _, f := range files {
			fmt.Fprintln(c.OutOrStdout(), "wrote", filepath.Join(dir, f.Path))
		}
		fmt.Fprintf(c.OutOrStdout(), "\nNext:\n  sluice validate %s\n  sluice run --config %s\n", dir, filepath.Join(dir, "sluice.yaml"))
		return nil
	}
	return c
}
