package cli

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/internal/client"
)

func contextCommand(find *connect) *cobra.Command {
	c := &cobra.Command{
		Use: "context", Short: "Keep names for the gateways you work with", Aliases: []string{"contexts"},
		Long: `A context names a gateway: its server address, token file and CA, or its socket. They are
kept in $XDG_CONFIG_HOME/sluice/contexts.yaml. Tokens stay in their own files.`,
	}
	c.AddCommand(contextListCommand(), contextUseCommand(), contextSetCommand(find))
	return c
}

func contextListCommand() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the contexts", Args: none, Aliases: []string{"ls"}}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		contexts, err := loadContexts()
		if err != nil {
			return err
		}
		return out.print(c.OutOrStdout(), contexts, func(w io.Writer) { contextTable(w, contexts) })
	}
	return c
}

func contextTable(w io.Writer, contexts *client.Contexts) {
	names := contexts.Names()
	if len(names) == 0 {
		fmt.Fprintln(w, "No contexts: add one with `sluice context set NAME --server URL --token-file FILE`.")
		return
	}
	lines := make([][]string, 0, len(names))
	for _, name := range names {
		found, mark := contexts.Contexts[name], ""
		if name == contexts.Current {
			mark = "*"
		}
		lines = append(lines, []string{mark, name, found.Server + found.Socket, found.TokenFile})
	}
	rows(w, []string{"CURRENT", "NAME", "GATEWAY", "TOKEN FILE"}, lines)
}

func contextUseCommand() *cobra.Command {
	var none bool
	c := &cobra.Command{
		Use: "use [NAME]", Short: "Make a context the current one",
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: contextNames,
	}
	c.Flags().BoolVar(&none, "none", false, "use no context: go by the data directory again")
	c.RunE = func(c *cobra.Command, args []string) error {
		if none == (len(args) == 1) {
			return usageError{fmt.Errorf("give either a NAME or --none")}
		}
		contexts, err := loadContexts()
		if err != nil {
			return err
		}
		return contexts.Use(first(args))
	}
	return c
}

func contextSetCommand(find *connect) *cobra.Command {
	var socket string
	c := &cobra.Command{
		Use: "set NAME", Short: "Add or replace a context",
		Example: "  sluice context set prod --server https://gw.example:9080 --token-file ~/.sluice/prod.token\n  sluice context set lab --socket /var/lib/sluice/admin.sock",
		Args:    one("NAME"),
	}
	c.Flags().StringVar(&socket, "socket", "", "`FILE` of the admin socket, instead of --server")
	c.RunE = func(_ *cobra.Command, args []string) error {
		contexts, err := loadContexts()
		if err != nil {
			return err
		}
		o := find.options
		to := client.Context{Server: o.Server, TokenFile: absolute(o.TokenFile), CAFile: absolute(o.CAFile), Socket: absolute(socket)}
		if err := contexts.Set(args[0], to); err != nil {
			return usageError{err}
		}
		return nil
	}
	return c
}

// absolute keeps a context working from any directory.
func absolute(file string) string {
	if file == "" {
		return ""
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	return full
}
