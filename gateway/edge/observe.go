package edge

import (
	"context"
	"fmt"
	"io"

	"github.com/rs/zerolog/log"
	"github.com/traefik/traefik/v3/pkg/middlewares/accesslog"
	"github.com/traefik/traefik/v3/pkg/observability/logs"
	tmetrics "github.com/traefik/traefik/v3/pkg/observability/metrics"
	"github.com/traefik/traefik/v3/pkg/observability/tracing"
	otypes "github.com/traefik/traefik/v3/pkg/observability/types"
	"github.com/traefik/traefik/v3/pkg/server/middleware"
)

// addObservability makes metrics, access log and traces.
func (p *parts) addObservability(ctx context.Context) error {
	p.registry = tmetrics.NewMultiRegistry(metricExporters(p.conf.Metrics))
	if p.conf.Metrics != nil && p.conf.Metrics.OTLP != nil {
		semConv, err := tmetrics.NewSemConvMetricRegistry(ctx, p.conf.Metrics.OTLP)
		if err != nil {
			return fmt.Errorf("spec.traefik.metrics.otlp: %w", err)
		}
		p.semConv = semConv
	}
	accessLog, err := p.newAccessLog(ctx)
	if err != nil {
		return err
	}
	tracer, closer, err := p.newTracer(ctx)
	if err != nil {
		return err
	}
	p.observability = middleware.NewObservabilityMgr(*p.conf, p.registry, p.semConv, accessLog, tracer, closer)
	return nil
}

// metricExporters registers every exporter that is configured.
func metricExporters(conf *otypes.Metrics) []tmetrics.Registry {
	if conf == nil {
		return nil
	}
	var registries []tmetrics.Registry
	add := func(r tmetrics.Registry) {
		if r != nil {
			registries = append(registries, r)
		}
	}
	named := func(exporter string) context.Context {
		logger := log.With().Str(logs.MetricsProviderName, exporter).Logger()
		return logger.WithContext(context.Background())
	}
	if conf.Prometheus != nil {
		add(tmetrics.RegisterPrometheus(named("prometheus"), conf.Prometheus))
	}
	if conf.Datadog != nil {
		add(tmetrics.RegisterDatadog(named("datadog"), conf.Datadog))
	}
	if conf.StatsD != nil {
		add(tmetrics.RegisterStatsd(named("statsd"), conf.StatsD))
	}
	if conf.InfluxDB2 != nil {
		add(tmetrics.RegisterInfluxDB2(named("influxdb2"), conf.InfluxDB2))
	}
	if conf.OTLP != nil {
		add(tmetrics.RegisterOpenTelemetry(named("openTelemetry"), conf.OTLP))
	}
	return registries
}

// newAccessLog fails where Traefik would go on without: an operator who asked for a log
// that cannot be written should hear of it at the start.
func (p *parts) newAccessLog(ctx context.Context) (*accesslog.Handler, error) {
	if p.conf.AccessLog == nil {
		return nil, nil
	}
	handler, err := accesslog.NewHandler(ctx, p.conf.AccessLog)
	if err != nil {
		return nil, fmt.Errorf("spec.traefik.accessLog: %w", err)
	}
	return handler, nil
}

func (p *parts) newTracer(ctx context.Context) (*tracing.Tracer, io.Closer, error) {
	if p.conf.Tracing == nil {
		return nil, nil, nil
	}
	tracer, closer, err := tracing.NewTracing(ctx, p.conf.Tracing)
	if err != nil {
		return nil, nil, fmt.Errorf("spec.traefik.tracing: %w", err)
	}
	return tracer, closer, nil
}
