package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/internal/client"
)

// connect finds the gateway that a command line means.
type connect struct {
	options client.Options
	timeout time.Duration
}

func addConnectFlags(root *cobra.Command) *connect {
	c := &connect{}
	flags := root.PersistentFlags()
	flags.StringVar(&c.options.Server, "server", "", "`URL` of the gateway's admin API, https://HOST:PORT")
	flags.StringVar(&c.options.TokenFile, "token-file", "", "`FILE` that holds the token for --server")
	flags.StringVar(&c.options.CAFile, "ca-file", "", "`FILE` with the CA of --server, when the system does not know it")
	flags.StringVar(&c.options.Context, "context", "", "named context to use (see sluice context), by `NAME`")
	flags.StringVar(&c.options.DataDir, "data-dir", "./data", "`DIR` that holds the gateway's admin socket")
	flags.DurationVar(&c.timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	_ = root.RegisterFlagCompletionFunc("context", contextNames)
	return c
}

// client is the client for the gateway that c's flags name.
func (c *connect) client(command *cobra.Command) (*client.Client, error) {
	o := c.options
	o.DataDirSet = command.Flags().Changed("data-dir")
	contexts, err := loadContexts()
	if err != nil {
		return nil, err
	}
	target, err := client.Find(o, contexts)
	if err != nil {
		return nil, usageError{err}
	}
	return client.New(target)
}

// ask calls f with a client and the time that --timeout leaves.
func (c *connect) ask(command *cobra.Command, f func(ctx context.Context, gateway *client.Client) error) error {
	gateway, err := c.client(command)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(command.Context(), c.timeout)
	defer cancel()
	err = f(ctx, gateway)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w after %s (--timeout)", err, c.timeout)
	}
	return err
}

func loadContexts() (*client.Contexts, error) {
	file, err := client.ContextsFile()
	if err != nil {
		return nil, err
	}
	return client.LoadContexts(file)
}

// tenantNames completes the name of a tenant by asking the gateway. A shell that completes
// must not wait long or print errors.
func (c *connect) tenantNames(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	err := c.briefly(command, func(ctx context.Context, gateway *client.Client) error {
		tenants, err := gateway.Tenants(ctx)
		for _, t := range tenants {
			names = append(names, cobra.CompletionWithDesc(t.Name, first(t.Hosts)))
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// briefly asks for a completion, and does not keep the shell waiting.
func (c *connect) briefly(command *cobra.Command, f func(context.Context, *client.Client) error) error {
	gateway, err := c.client(command)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(command.Context(), 2*time.Second)
	defer cancel()
	return f(ctx, gateway)
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

func contextNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	contexts, err := loadContexts()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return contexts.Names(), cobra.ShellCompDirectiveNoFileComp
}
