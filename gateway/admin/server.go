package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/console"
	"sluicegate.dev/sluice/routing"
)

// Gateway is what the API asks of the process.
type Gateway interface {
	// Snapshot is the configuration in use.
	Snapshot() Snapshot
	// UpstreamStatus is the live state of every pool.
	UpstreamStatus() []api.PoolStatus
	// Store is what keeps runtime state.
	Store() api.StoreStatus
	// Replicas are the gateways that share it.
	Replicas() api.ReplicaList
	// TesterPass signs a pass to a release of a tenant.
	TesterPass(tenant string, pass routing.Tester) api.TesterPass
	// Confirm lets the pending removal with that digest happen and says who went.
	Confirm(ctx context.Context, digest string) (removed []string, err error)
}

// Snapshot is the configuration in use, as far as the API shows it. Maps and values are
// read only.
type Snapshot struct {
	Revision string
	Origin   string // api.OriginLive, OriginLastGood or OriginNone
	Since    time.Time
	Tenants  map[string]*routing.Tenant
	Pools    map[string]*routing.Pool
	Problems []api.Problem
	Pending  *api.PendingRemoval
	// Source says from which document (file:line) a tenant is served and how that relates
	// to what is declared (current, stale, vanished). Optional.
	Source func(tenant string) (at, state string)
}

// Config says what to serve and where.
type Config struct {
	Gateway Gateway
	// Limits may be nil: then no client is known.
	Limits  Limits
	Runtime Runtime
	Audit   Auditor
	Answers Answers // nil: no other gateway is asked
	// Ready is nil when the gateway takes requests, else it says why not.
	Ready   func() error
	Version string

	Socket  string   // path of the unix socket; empty: none
	Address string   // TCP address; empty: none
	Tokens  []Token  // who may log in over TCP; without any, and without Entra, TCP stays closed
	Entra   *Entra   // nil: tokens of Entra ID are not taken
	Hosts   []string // names of the TCP listener besides its address and localhost
	TLS     *TLSFiles

	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// TLSFiles name the certificate of the TCP listener. They are read again when they change.
type TLSFiles struct{ Cert, Key string }

// Server is the admin API. Run serves it.
type Server struct {
	config  Config
	log     *slog.Logger
	started time.Time
	metrics *metrics
	mux     *http.ServeMux
	logins  *logins
	keys    keys
	console http.Handler

	stopping chan struct{} // closed when Run is to end: streams do not hold it up
}

// New makes the API. Token files are read here, so that a missing one stops the start.
func New(c Config) (*Server, error) {
	s := &Server{config: c, log: c.Log, started: time.Now(), metrics: newMetrics(c.Metrics), stopping: make(chan struct{})}
	var err error
	if s.logins, err = newLogins(c.Tokens, c.Log); err != nil {
		return nil, err
	}
	if s.console, err = console.Handler(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	s.mux = s.operations()
	return s, nil
}

// Run serves both listeners until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { close(s.stopping) })
	for _, open := range []func() (net.Listener, http.Handler, error){s.openSocket, s.openTCP} {
		listener, handler, err := open()
		if err != nil {
			return s.stop(group, err)
		}
		if listener != nil {
			s.serve(ctx, group, listener, handler)
		}
	}
	return group.Wait()
}

// stop ends what Run had started before a listener failed.
func (s *Server) stop(group *errgroup.Group, err error) error {
	group.Go(func() error { return err })
	return group.Wait()
}

func (s *Server) openSocket() (net.Listener, http.Handler, error) {
	if s.config.Socket == "" {
		return nil, nil, nil
	}
	listener, err := listenSocket(s.config.Socket)
	if err != nil {
		return nil, nil, fmt.Errorf("admin socket: %w", err)
	}
	s.log.Info("admin API listens", "socket", s.config.Socket)
	return listener, s.local(), nil
}

func (s *Server) openTCP() (net.Listener, http.Handler, error) {
	c := s.config
	if c.Address == "" {
		return nil, nil, nil
	}
	if len(c.Tokens) == 0 && c.Entra == nil {
		s.log.Info("admin API stays off TCP: spec.admin.tokens is empty", "address", c.Address)
		return nil, nil, nil
	}
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("spec.admin.address: %w; choose another address or stop what listens there", err)
	}
	if c.TLS != nil {
		if listener, err = withTLS(listener, *c.TLS, s.log); err != nil {
			return nil, nil, err
		}
	} else if !loopback(listener.Addr()) {
		s.log.Warn("admin API listens beyond this machine without TLS: tokens travel in the clear; set spec.admin.tls", "address", c.Address)
	}
	s.log.Info("admin API listens", "address", listener.Addr().String(), "tls", c.TLS != nil)
	return listener, s.remote(), nil
}

func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// serve runs one listener in group. Shutdown waits for requests in progress; all of them
// are short.
func (s *Server) serve(ctx context.Context, group *errgroup.Group, l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("admin API: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			return server.Close()
		}
		return nil
	})
}
