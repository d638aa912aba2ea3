// Command sluice is the gateway and its command line. The commands are in internal/cli;
// here they are joined with the gateway, which they start through a function.
package main

import (
	"context"
	"os"

	"sluicegate.dev/sluice/gateway"
	"sluicegate.dev/sluice/internal/cli"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := cli.Interruptible(context.Background())
	defer stop()
	deps := cli.Deps{Build: cli.NewBuild(version, commit, date), Serve: serve, CheckTraefik: gateway.CheckTraefik}
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	return cli.Execute(ctx, deps, streams, os.Args[1:])
}

// serve runs a gateway until ctx ends.
func serve(ctx context.Context, o cli.ServeOptions) error {
	g, err := gateway.New(gateway.Config{Install: o.Install, Environ: os.Environ(), Version: o.Version, Log: o.Log})
	if err != nil {
		return err
	}
	return g.Run(ctx)
}
