package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluicegate.dev/sluice/config"
)

func runCommand(deps Deps) *cobra.Command {
	var install string
	var logs logFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the gateway",
		Long: `Run the gateway that FILE describes, until SIGTERM or SIGINT. The first signal lets
requests in flight finish; a second one ends the process at once.

Tenants and pools are watched and change without a restart. FILE itself (ports, store,
admin, Traefik's install configuration) is read at the start only.`,
		Example: "  sluice run --config /etc/sluice/sluice.yaml",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			settings, err := loadInstall(install)
			if err != nil {
				return err
			}
			log := logs.logger(c, settings.Spec.Log)
			defer noteHangups(log)()
			return deps.Serve(c.Context(), ServeOptions{Install: install, Version: deps.Build.Version, Log: log})
		},
	}
	c.Flags().StringVar(&install, "config", "sluice.yaml", "`FILE` with the install settings")
	logs.add(c)
	return c
}

// logFlags are the flags of commands that log.
type logFlags struct {
	format choice
	level  slog.Level
}

func (l *logFlags) add(c *cobra.Command) {
	l.format = choice{value: "auto", of: []string{"auto", "text", "json"}}
	l.level = slog.LevelInfo
	c.Flags().Var(&l.format, "log-format", "auto (text on a terminal, else spec.log.format), text or json")
	c.Flags().TextVar(&l.level, "log-level", &l.level, "debug, info, warn or error (default: spec.log.level)")
}

// logger goes by the flags, then by the install settings. A terminal has a person in front
// of it: text, whatever the settings say for services.
func (l *logFlags) logger(c *cobra.Command, settings config.Log) *slog.Logger {
	w := c.ErrOrStderr()
	options := &slog.HandlerOptions{Level: l.level}
	if !c.Flags().Changed("log-level") {
		_ = l.level.UnmarshalText([]byte(settings.Level)) // validated; else it stays at info
		options.Level = l.level
	}
	format := l.format.value
	if format == "auto" {
		format = settings.Format
		if isTerminal(w) {
			format = "text"
		}
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// loadInstall reads install settings: how to log is said there, and all that is wrong with
// them is better said before anything starts. Warnings are left to the gateway's log.
func loadInstall(file string) (*config.Install, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: name the install settings with --config FILE, or write some with `sluice init`", file)
	}
	install, problems := config.LoadInstall(file)
	if install == nil {
		return nil, fmt.Errorf("nothing was started, the install settings have %s:\n%w", plural(len(problems.Errors()), "problem"), problems.Err())
	}
	return install, nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// noteHangups answers SIGHUP with a note: it would end the process, and whoever sends it
// expects a reload, which needs no signal here.
func noteHangups(log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var done sync.WaitGroup
	done.Go(func() {
		for range hangups {
			log.Info("SIGHUP noted: tenants and pools are watched and reload by themselves; the install settings need a restart")
		}
	})
	return func() {
		signal.Stop(hangups)
		close(hangups)
		done.Wait()
	}
}

// Interruptible ends the context at the first SIGTERM or SIGINT. The second one finds the
// default action in place and ends the process.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
