package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sluicegate.dev/sluice/internal/client"
	"sluicegate.dev/sluice/internal/standin"
)

// Options say how to run the demonstration.
type Options struct {
	Dir     string // working directory; empty: a temporary one, removed at the end
	Port    int    // of the gateway; a free one is taken when somebody has it
	Command string // how the person calls this program
	Out     io.Writer
	// Log makes the gateway's log, which goes to a file so that the addresses stay visible.
	Log func(io.Writer) *slog.Logger
	// Serve runs a gateway until ctx ends.
	Serve func(ctx context.Context, install string, log *slog.Logger) error
}

// running is a demonstration whose servers are up.
type running struct {
	Options
	dir            string
	port, pingPort int
	pools          []*pool
}

// Run starts everything and waits until ctx ends or a part fails.
func Run(ctx context.Context, o Options) error {
	r := &running{Options: o, pools: pools()}
	remove, err := r.workIn()
	if err != nil {
		return err
	}
	defer remove()
	if err := r.choosePorts(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := r.startServers(ctx, group); err != nil {
		group.Go(func() error { return err })
		return group.Wait()
	}
	if err := r.writeFiles(); err != nil {
		group.Go(func() error { return err })
		return group.Wait()
	}
	return r.serve(ctx, group)
}

// workIn makes the working directory absolute: the messages name it.
func (r *running) workIn() (remove func(), err error) {
	if r.Dir == "" {
		r.dir, err = os.MkdirTemp("", "sluice-demo-")
		return func() { _ = os.RemoveAll(r.dir) }, err
	}
	if r.dir, err = filepath.Abs(r.Dir); err == nil {
		err = os.MkdirAll(r.dir, 0o755)
	}
	return func() {}, err
}

func (r *running) choosePorts() error {
	var err error
	if r.port, err = freePort("", r.Port); err != nil {
		return err
	}
	if r.port != r.Port {
		fmt.Fprintf(r.Out, "Port %d is taken: using %d instead.\n", r.Port, r.port)
	}
	r.pingPort, err = freePort("127.0.0.1", 8082)
	return err
}

// freePort is wanted, or one that the kernel finds free.
func freePort(host string, wanted int) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(wanted)))
	if err != nil {
		if listener, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return 0, fmt.Errorf("no free port: %w", err)
		}
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// startServers binds every stand-in before the documents name its port.
func (r *running) startServers(ctx context.Context, group *errgroup.Group) error {
	for _, s := range servers() {
		p := r.pool(s.pool)
		odoo, err := standin.New(r.configure(s, p))
		if err != nil {
			return fmt.Errorf("stand-in %s: %w", s.name, err)
		}
		if err := odoo.Listen(); err != nil {
			return fmt.Errorf("stand-in %s: %w", s.name, err)
		}
		p.Servers = append(p.Servers, odoo)
		group.Go(func() error { return odoo.Run(ctx) })
	}
	return nil
}

func (r *running) configure(s server, p *pool) standin.Config {
	c := s.config
	c.Name, c.Version, c.Workers, c.ProxyMode = s.name, p.Version, workers, true
	c.SessionDir = filepath.Join(r.dir, "odoo", s.dir)
	c.DatabaseDir = c.SessionDir
	return c
}

func (r *running) pool(name string) *pool {
	for _, p := range r.pools {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// serve runs the gateway and announces it once it takes requests.
func (r *running) serve(ctx context.Context, group *errgroup.Group) error {
	file, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		group.Go(func() error { return err })
		return group.Wait()
	}
	defer func() { _ = file.Close() }()
	group.Go(func() error {
		err := r.Serve(ctx, r.install(), r.Log(file))
		if err == nil && ctx.Err() == nil {
			err = errors.New("the gateway ended by itself")
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w (its log is in %s)", err, r.logFile())
		}
		return nil
	})
	group.Go(func() error {
		if r.ready(ctx) {
			r.announce()
		}
		return nil
	})
	return group.Wait()
}

// ready waits until the gateway takes requests. After half a minute the addresses are worth
// printing even so.
func (r *running) ready(ctx context.Context) bool {
	gateway, err := client.New(client.Target{Socket: r.socket()})
	if err != nil {
		return false
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for gateway.Probe(ctx, "/ready") != nil {
		select {
		case <-ctx.Done():
			return false
		case <-deadline:
			fmt.Fprintf(r.Out, "The gateway is not ready yet; its log is in %s\n", r.logFile())
			return true
		case <-tick.C:
		}
	}
	return true
}

func (r *running) install() string { return filepath.Join(r.dir, "sluice.yaml") }
func (r *running) dataDir() string { return filepath.Join(r.dir, "data") }
func (r *running) socket() string  { return filepath.Join(r.dataDir(), client.SocketName) }
func (r *running) logFile() string { return filepath.Join(r.dir, "gateway.log") }
