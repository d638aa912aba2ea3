package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/redis/entra"
)

// runtimeStore keeps what must outlive a reload. Parts declare the few methods that they
// need of it.
type runtimeStore interface {
	part
	Pin(ctx context.Context, tenant, key string) (value string, err error)
	PutPin(ctx context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (winner string, err error)
	OverwritePin(ctx context.Context, tenant, key, value string, ttl time.Duration) error
	ExpirePin(ctx context.Context, tenant, key string, ttl time.Duration) error
	TouchPins(ctx context.Context, refs []store.PinRef, ttl time.Duration) error
	WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error
	LeaseSlots(ctx context.Context, replica string, claims []store.SlotClaim, ttl time.Duration) ([]store.SlotGrant, error)
	Beat(ctx context.Context, me store.Replica, ttl time.Duration) (live []store.Replica, err error)
	Record(ctx context.Context, kind, name string) (store.Record, error)
	Records(ctx context.Context, kind string) ([]store.Record, error)
	PutRecord(ctx context.Context, rec store.Record) (store.Record, error)
	WatchRecords(ctx context.Context, heard func(store.Record), lost func()) error
	Healthy() bool
}

// makeStore makes the store that the settings name. It connects to nothing.
func (g *Gateway) makeStore(Config) error {
	settings := g.install.Store.Redis
	if settings == nil {
		g.store = embedded.New(embedded.Config{Dir: string(g.install.Store.Embedded.Path), Log: g.log, Metrics: g.registry})
		return nil
	}
	cfg, err := redisConfig(settings)
	if err != nil {
		return fmt.Errorf("spec.store.redis.%w", err)
	}
	cfg.Log, cfg.Metrics = g.log, g.registry
	if settings.Entra {
		if cfg.Credentials, err = entra.New(entra.Config{Log: g.log, Metrics: g.registry}); err != nil {
			return fmt.Errorf("spec.store.redis.entra: %w", err)
		}
	}
	redis.LogTo(g.log)
	made, err := redis.New(cfg)
	if err != nil {
		return fmt.Errorf("spec.store.redis: %w", err)
	}
	g.store, g.redis = made, made
	return nil
}

func redisConfig(s *config.RedisStore) (redis.Config, error) {
	cfg := redis.Config{Address: s.Address, Cluster: s.Cluster}
	if s.Sentinel != nil {
		cfg.Sentinel = redis.Sentinel{Master: s.Sentinel.Master, Addresses: s.Sentinel.Addresses}
	}
	if s.PasswordFile != "" {
		if _, err := os.ReadFile(string(s.PasswordFile)); err != nil {
			return cfg, fmt.Errorf("passwordFile: %w", err)
		}
		cfg.Credentials = redis.PasswordFile(s.Username, string(s.PasswordFile))
	}
	if s.TLS != nil {
		made, err := clientTLS(s.TLS)
		if err != nil {
			return cfg, fmt.Errorf("tls.%w", err)
		}
		cfg.TLS = made
	}
	return cfg, nil
}

// clientTLS reads the files of a TLS client. The client's own certificate is read again for
// each connection: it may be renewed while we run.
func clientTLS(s *config.ClientTLS) (*tls.Config, error) {
	out := &tls.Config{ServerName: s.ServerName, MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		text, err := os.ReadFile(string(s.CAFile))
		if err != nil {
			return nil, fmt.Errorf("caFile: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("caFile: %s holds no certificate", s.CAFile)
		}
	}
	if s.CertFile == "" {
		return out, nil
	}
	load := func() (*tls.Certificate, error) {
		made, err := tls.LoadX509KeyPair(string(s.CertFile), string(s.KeyFile))
		if err != nil {
			return nil, fmt.Errorf("certFile: %w", err)
		}
		return &made, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return out, nil
}

// leave runs when a stop begins. The file of an embedded store goes first, so that a gateway
// that takes over finds what this one knew; requests in flight are served from memory.
func (g *Gateway) leave(ctx context.Context) {
	g.service.Stop()
	if own, ok := g.store.(*embedded.Store); ok {
		own.Release()
	}
	g.closeSockets(ctx)
}
