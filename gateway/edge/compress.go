package edge

import (
	"context"
	"fmt"
	"net/http"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/middlewares/compress"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// compressed shrinks what Odoo sends as text: its workers do not, and its bundles are
// megabytes of it. Streams pass unchanged, because their types are not listed, and so do
// sockets and backups, because their requests go around the compressor.
func compressed(next http.Handler) (http.Handler, error) {
	compressor, err := compress.New(context.Background(), next, dynamic.Compress{
		Encodings: []string{"zstd", "br", "gzip"},
		IncludedContentTypes: []string{
			"text/html", "text/css", "text/plain", "text/xml", "text/javascript", "text/csv",
			"application/javascript", "application/json", "application/xml", "image/svg+xml",
		},
	}, "sluice-compress")
	if err != nil {
		return nil, fmt.Errorf("compression: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if compresses(r) {
			compressor.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// compresses tells whether the answer to r may be compressed. A declared stream must reach
// the client as it comes.
func compresses(r *http.Request) bool {
	if r.Header.Get("Accept-Encoding") == "" {
		return false
	}
	x := routing.FromContext(r.Context())
	if x == nil || x.Class == odoo.Realtime || x.Class == odoo.Manager {
		return false
	}
	return x.Pool == nil || len(x.Pool.Streams) == 0 || !routing.PathMatchAny(x.Pool.Streams, x.Path)
}
