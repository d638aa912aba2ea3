package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/internal/client"
)

// backendWord is what may be said of a server.
type backendWord struct{ state, use, short, long, reason, question, done string }

func backendWords() []backendWord {
	return []backendWord{
		{
			state: "drain", use: "drain", short: "Send a server no new sessions", reason: "new kernel",
			long:     "Sessions and sockets that are there stay, as far as they live there; new ones go to the other\nservers of the pool while one of them can take them.",
			question: "Drain it?", done: "gets no new sessions",
		},
		{
			state: "maintenance", use: "maintenance", short: "Send a server nothing", reason: "disk is changed",
			long:     "Requests that it serves finish, its sockets are closed at a gentle pace, and nothing new goes\nthere, not even when no other server is left.",
			question: "Take it out of service?", done: "gets nothing any more",
		},
		{
			state: "ready", use: "ready", short: "Use a server as it is declared", reason: "new kernel runs",
			long: "It counts as new: it loads databases and takes its share of new sessions by degrees.",
			done: "is used as declared",
		},
	}
}

func backendStateCommands(find *connect) []*cobra.Command {
	var all []*cobra.Command
	for _, w := range backendWords() {
		all = append(all, backendStateCommand(find, w))
	}
	return all
}

func backendStateCommand(find *connect, word backendWord) *cobra.Command {
	c := &cobra.Command{
		Use: word.use + " POOL/BACKEND", Short: word.short, Long: word.long,
		Args: one("POOL/BACKEND"), ValidArgsFunction: find.backendNames,
		Example: fmt.Sprintf("  sluice backend %s acme-blue/b1 --reason '%s'", word.use, word.reason),
	}
	d := decides(c, find)
	in := api.BackendStateRequest{State: word.state}
	if word.state != "ready" {
		c.Flags().StringVar(&in.Expires, "for", "", "when it is ready again by itself: a time `SPAN` such as 2h; without it when somebody says so")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		pool, backend, ok := strings.Cut(args[0], "/")
		if !ok || pool == "" || backend == "" {
			return usageError{fmt.Errorf("%q is not POOL/BACKEND, such as acme-blue/b1; `sluice backend list` shows them", args[0])}
		}
		return d.take(c, step{
			what: fmt.Sprintf("Set backend %s of pool %s to %s", backend, pool, word.state), question: word.question,
			tag: func(ctx context.Context, g *client.Client) (string, error) { return g.PoolTag(ctx, pool) },
			send: func(ctx context.Context, g *client.Client, care client.Care) (any, api.Change, error) {
				in.Reason = d.reason
				done, err := g.SetBackend(ctx, pool, backend, in, care)
				return done, done, err
			},
			done: func(w io.Writer, _ any) {
				fmt.Fprintf(w, "Backend %s of pool %s %s.", backend, pool, word.done)
				if word.state != "ready" {
					fmt.Fprintf(w, " Back:  sluice backend ready %s/%s", pool, backend)
				}
				fmt.Fprintln(w)
			},
		})
	}
	return c
}

// backendNames completes POOL/BACKEND.
func (c *connect) backendNames(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	err := c.briefly(command, func(ctx context.Context, gateway *client.Client) error {
		pools, err := gateway.Pools(ctx)
		for _, p := range pools {
			for _, b := range p.Backends {
				names = append(names, cobra.CompletionWithDesc(p.Name+"/"+b.Name, b.HTTP))
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
