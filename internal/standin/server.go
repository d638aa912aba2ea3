package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Server is one stand-in Odoo.
type Server struct {
	cfg    Config
	major  int
	routes *routes

	http, realtime *port
	control        net.Listener
	workers        gauge
	requests       atomic.Int64
	pids           atomic.Int64

	sessions  *sessionStore
	databases *databases
	faults    *faults
	filters   *filterCache
	cooldown  *cooldown
	sockets   *sockets
	counts    *sessionCounts

	registries *registries
	load       *load
	reports    reports

	timersLock sync.Mutex     // guards the start of timers against their end
	timers     sync.WaitGroup // ports that open again later
	timersOver bool
	started    time.Time
	scratch    string // a temporary session directory, removed at the end

	stopOnce, killOnce sync.Once
	stopping, killed   chan struct{}
	done               chan struct{}
	result             error
}

// New checks the configuration and makes a server. Nothing listens yet.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, major: cfg.major(), faults: newFaults(), filters: &filterCache{}, cooldown: newCooldown(), sockets: newSockets(), counts: newSessionCounts(),
		registries: newRegistries(cfg.RegistryTime), load: newLoad(),
		stopping: make(chan struct{}), killed: make(chan struct{}), done: make(chan struct{}),
	}
	s.pids.Store(1000)
	s.http = newPort(cfg.HTTPAddr, 8*cfg.Workers)
	if s.prefork() {
		s.realtime = newPort(cfg.RealtimeAddr, 0)
	}
	s.databases = newDatabases(cfg)
	s.routes = newRoutes(s.major)
	if _, err := s.filters.compile(cfg.DBFilter, "host.example"); err != nil {
		return nil, fmt.Errorf("database filter: %w", err)
	}
	return s, nil
}

// Start makes a server, binds its ports and runs it until Close.
func Start(cfg Config) (*Server, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Listen(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.done)
		s.result = s.Run(context.Background())
	}()
	return s, nil
}

// Close stops a server that Start began, and waits for it.
func (s *Server) Close() error {
	s.Stop()
	<-s.done
	return s.result
}

// Stop is SIGTERM: idle workers leave, busy ones finish, the realtime process is killed.
func (s *Server) Stop() { s.stopOnce.Do(func() { close(s.stopping) }) }

// Kill is SIGKILL: every connection is closed at once.
func (s *Server) Kill() {
	s.Stop()
	s.killOnce.Do(func() { close(s.killed) })
}

// Listen binds the ports, so that their addresses are known before Run.
func (s *Server) Listen() error {
	if s.control != nil {
		return nil
	}
	if err := s.openSessions(); err != nil {
		return err
	}
	if err := s.http.open(); err != nil {
		return err
	}
	if s.realtime != nil {
		if err := s.realtime.open(); err != nil {
			return err
		}
	}
	control, err := net.Listen("tcp", s.cfg.ControlAddr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.control = control
	return nil
}

func (s *Server) openSessions() error {
	dir := s.cfg.SessionDir
	if dir == "" {
		scratch, err := os.MkdirTemp("", "standin-")
		if err != nil {
			return fmt.Errorf("session directory: %w", err)
		}
		s.scratch, dir = scratch, scratch
	}
	s.sessions = newSessionStore(dir, s.cfg.Name, s.major, s.cfg.SessionGrace)
	return nil
}

// Name is the name that answers carry.
func (s *Server) Name() string { return s.cfg.Name }

// HTTPAddr is the address of the HTTP workers.
func (s *Server) HTTPAddr() string { return s.http.addr() }

// RealtimeAddr is the address that serves websockets: in threaded mode the only one.
func (s *Server) RealtimeAddr() string {
	if s.realtime == nil {
		return s.http.addr()
	}
	return s.realtime.addr()
}

// ControlAddr is the address of the control endpoint.
func (s *Server) ControlAddr() string { return s.control.Addr().String() }

// Run serves until ctx ends, which is SIGTERM, and returns once everything has stopped.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	s.started = time.Now()
	defer context.AfterFunc(ctx, s.Stop)()
	parts, cancel := context.WithCancel(context.Background())
	var helping sync.WaitGroup
	helping.Go(func() { s.serveControl(parts) })
	helping.Go(func() { s.databases.watch(parts) })
	if s.prefork() {
		s.runPrefork()
	} else {
		s.runThreaded()
	}
	s.endTimers()
	cancel()
	helping.Wait()
	return s.release()
}

// serveControl serves the control port until ctx ends.
func (s *Server) serveControl(ctx context.Context) {
	control := &http.Server{Handler: s.controlHandler(), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = control.Close() })()
	if err := control.Serve(s.control); !errors.Is(err, http.ErrServerClosed) {
		s.Stop()
	}
}

func (s *Server) runPrefork() {
	realtimeCtx, endRealtime := context.WithCancel(context.Background())
	workersCtx, killWorkers := context.WithCancel(context.Background())
	defer endRealtime()
	defer killWorkers()
	var parts sync.WaitGroup
	idle := make(chan struct{})
	parts.Go(func() { s.serveMany(realtimeCtx, s.realtime, true) })
	parts.Go(func() {
		defer close(idle)
		s.runWorkers(workersCtx)
	})
	<-s.stopping
	s.realtime.halt()
	s.realtime.shut()
	endRealtime()
	s.realtime.end()
	s.http.halt()
	select { // the socket listens on meanwhile
	case <-idle:
	case <-s.killed:
	case <-time.After(s.cfg.LimitTimeReal):
	}
	killWorkers()
	s.http.end()
	parts.Wait()
}

func (s *Server) runWorkers(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	for range s.cfg.Workers {
		workers.Go(func() { s.work(ctx) })
	}
}

// runThreaded stops without grace: the listening socket closes at once, websockets get 1001
// and requests in flight fail because their database cursor closes.
func (s *Server) runThreaded() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var serving sync.WaitGroup
	serving.Go(func() { s.serveMany(ctx, s.http, false) })
	<-s.stopping
	s.http.halt()
	s.http.shut()
	cancel()
	s.http.expire()
	serving.Wait()
}

func (s *Server) release() error {
	s.http.shut()
	err := s.databases.close()
	if s.scratch != "" {
		err = errors.Join(err, os.RemoveAll(s.scratch))
	}
	return err
}

func (s *Server) prefork() bool { return s.cfg.Workers > 0 }

func (s *Server) nextPID() int { return int(s.pids.Add(1)) }
