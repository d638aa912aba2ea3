package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/config"
)

// Deps are what the commands need from outside.
type Deps struct {
	Build Build
	// Serve runs a gateway until ctx ends.
	Serve func(ctx context.Context, o ServeOptions) error
	// CheckTraefik says what is wrong with Traefik's part of install settings. It may be nil.
	CheckTraefik func(install *config.Install) error
}

// ServeOptions say which gateway to run.
type ServeOptions struct {
	Install string // path of sluice.yaml
	Version string
	Log     *slog.Logger
}

// Streams are the terminal, or what stands for it.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Execute runs one command line and returns the exit code.
func Execute(ctx context.Context, deps Deps, streams Streams, args []string) int {
	root := Root(deps)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(streams.Err, "sluice: "+err.Error())
	code := exitCode(err)
	if code == exitUsage {
		fmt.Fprintf(streams.Err, "See `%s --help`.\n", command.CommandPath())
	}
	return code
}

const longRoot = `Sluice is an ingress gateway for Odoo: it knows tenants, databases and workers,
and everything that Traefik knows.

Commands that ask a running gateway find it by --server, --context or --data-dir, which holds
its unix socket. Without these they use the current context (sluice context use), and
without one the socket in ./data.

` + exitHelp

// Root is the whole command tree.
func Root(deps Deps) *cobra.Command {
	root := &cobra.Command{
		Use:               "sluice",
		Short:             "An ingress gateway for Odoo",
		Long:              longRoot,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	find := addConnectFlags(root)
	root.AddCommand(
		runCommand(deps), demoCommand(deps),
		initCommand(), validateCommand(deps), schemaCommand(), keysCommand(),
		cutoverCommand(find), holdCommand(find), overridesCommand(find), diffCommand(find), exportCommand(find), auditCommand(find),
		statusCommand(find), tenantCommand(find), backendCommand(find), limitsCommand(find), confirmCommand(find),
		healthcheckCommand(find), contextCommand(find), versionCommand(deps.Build),
	)
	group(root)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// groupMark is on commands that do nothing themselves.
const groupMark = "group"

// strict makes a wrong number of arguments and an unknown sub-command usage errors, with
// the nearest name.
func strict(c *cobra.Command) {
	if group := c.HasSubCommands() && !c.Runnable(); group {
		c.Annotations = map[string]string{groupMark: ""}
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		c.Args = unknownSubcommand
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

func unknownSubcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("%s has no command %q: did you mean %q?", c.CommandPath(), args[0], near[0])
	}
	return fmt.Errorf("%s has no command %q", c.CommandPath(), args[0])
}

// group orders the commands in the help by what a person wants to do.
func group(root *cobra.Command) {
	groups := []struct {
		id, title string
		names     []string
	}{
		{"start", "Start a gateway:", []string{"run", "demo", "init"}},
		{"config", "Configuration:", []string{"validate", "schema", "keys"}},
		{"move", "Move tenants:", []string{"cutover", "hold", "overrides", "diff", "export", "audit"}},
		{"ask", "Ask or tell a running gateway:", []string{"status", "tenant", "backend", "limits", "confirm", "healthcheck", "context"}},
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, name := range g.names {
			if c, _, err := root.Find([]string{name}); err == nil {
				c.GroupID = g.id
			}
		}
	}
}
