// Command standin runs a stand-in Odoo server. It prints its addresses as one line of JSON
// and stops on SIGTERM or SIGINT, as Odoo does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sluicegate.dev/sluice/internal/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	cfg, err := configFrom(args)
	if err != nil {
		return err
	}
	server, err := standin.New(cfg)
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return err
	}
	addresses := map[string]string{
		"name": server.Name(), "http": server.HTTPAddr(), "realtime": server.RealtimeAddr(), "control": server.ControlAddr(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(addresses); err != nil {
		return fmt.Errorf("print addresses: %w", err)
	}
	// A second signal is not caught any more: it ends the process at once, as Odoo's does.
	context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGTERM, syscall.SIGINT) })
	return server.Run(ctx)
}
