package edge

import (
	"context"
	"fmt"
	"net/http"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/middlewares/accesslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"sluicegate.dev/sluice/routing"
)

// chain is what runs for tenants on an entry point: Traefik's access log, metrics and
// traces, what the exchange learnt, recovery, compression, and the tenant's path.
func (f *front) chain(p *parts, name string, ep *static.EntryPoint) (http.Handler, error) {
	signals := p.observability.BuildEPChain(context.Background(), name, false, signalsOf(ep))
	tenants, err := compressed(http.HandlerFunc(f.serveTenant))
	if err != nil {
		return nil, err
	}
	handler, err := signals.Then(described(f.recovered(tenants)))
	if err != nil {
		return nil, fmt.Errorf("entry point %s: %w", name, err)
	}
	return handler, nil
}

// signalsOf are the operator's switches of the entry point; all are on by default.
func signalsOf(ep *static.EntryPoint) dynamic.RouterObservabilityConfig {
	var conf dynamic.RouterObservabilityConfig
	conf.SetDefaults()
	if o := ep.Observability; o != nil {
		conf.AccessLogs, conf.Metrics, conf.Tracing = o.AccessLogs, o.Metrics, o.Tracing
		conf.TraceVerbosity = o.TraceVerbosity
	}
	return conf
}

// serveTenant serves an admitted request, through the tenant's Traefik middlewares where
// it has any. What the guard refused goes straight to its answer.
func (f *front) serveTenant(w http.ResponseWriter, r *http.Request) {
	x := routing.FromContext(r.Context())
	if x == nil || x.Tenant == nil || x.Refused != nil || len(x.Tenant.Middlewares) == 0 {
		f.edge.cfg.Path.ServeHTTP(w, r)
		return
	}
	f.guests.serve(w, r, x)
}

// described puts what the exchange learnt into the access log's line and the trace.
func described(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer describe(r)
		next.ServeHTTP(w, r)
	})
}

func describe(r *http.Request) {
	x := routing.FromContext(r.Context())
	if x == nil || x.Tenant == nil {
		return
	}
	if data := accesslog.GetLogData(r); data != nil {
		fillLog(data.Core, x)
	}
	if span := trace.SpanFromContext(r.Context()); span.IsRecording() {
		span.SetAttributes(traceAttributes(x)...)
	}
}

// fillLog sets Traefik's own fields, which the common log format prints, and ours, which
// JSON shows under their names.
func fillLog(core accesslog.CoreLogData, x *routing.Exchange) {
	core[accesslog.RouterName] = x.Tenant.Name + "@" + providerName
	core[accesslog.ServiceName] = x.Tenant.Name
	core[accesslog.OriginDuration] = x.Upstream
	core[accesslog.OriginStatus] = x.Status
	if x.Client.IsValid() {
		core[accesslog.ClientHost] = x.Client.String()
	}
	if x.Backend != "" {
		core[accesslog.ServiceURL] = x.Backend
		core[accesslog.ServiceAddr] = x.Backend
	}
	for key, value := range fieldsOf(x) {
		core[key] = value
	}
	if x.Cause != nil {
		core["cause"] = x.Cause.Error()
	}
}

func traceAttributes(x *routing.Exchange) []attribute.KeyValue {
	fields := fieldsOf(x)
	attributes := make([]attribute.KeyValue, 0, len(fields))
	for key, value := range fields {
		attributes = append(attributes, attribute.String("sluice."+key, value))
	}
	return attributes
}

// fieldsOf are the facts that logs and traces share. None of them is a secret.
func fieldsOf(x *routing.Exchange) map[string]string {
	fields := map[string]string{
		"tenant":    x.Tenant.Name,
		"class":     string(x.Class),
		"backend":   x.Backend,
		"outcome":   string(x.Outcome),
		"requestId": x.RequestID,
		"release":   "",
	}
	if x.Release != nil {
		fields["release"] = x.Release.Name
	}
	if x.Limit != "" {
		fields["caller"], fields["limit"] = x.Caller, x.Limit
	}
	return fields
}
