package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// operations registers the API on a mux. The OpenAPI document is made once, here.
func (s *Server) operations() *http.ServeMux {
	mux := http.NewServeMux()
	describe(mux, s.register(mux))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { unknown(mux, w, r) })
	return mux
}

// register puts every operation on the mux and returns their description.
func (s *Server) register(mux *http.ServeMux) *huma.OpenAPI {
	h := humago.New(mux, s.huma())
	h.UseMiddleware(s.count, authorize(h), precondition(h))
	s.registerStatus(h)
	s.registerTenants(h)
	s.registerTester(h)
	s.registerPools(h)
	s.registerLimits(h)
	s.registerConfig(h)
	s.registerCutovers(h)
	s.registerHolds(h)
	s.registerBackends(h)
	s.registerEvents(h)
	s.registerWaits(h)
	s.registerReads(h)
	complete(h.OpenAPI())
	return h.OpenAPI()
}

// huma is the configuration of the API library: JSON only, no pages, no schema links. Its
// documentation page would load scripts from elsewhere.
func (s *Server) huma() huma.Config {
	c := huma.DefaultConfig("Sluice admin API", s.config.Version)
	c.Info.Description = "State and operations of one Sluice gateway. Errors are application/problem+json."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of spec.admin.tokens, or an access token of Entra ID (spec.admin.entra). The unix socket needs none."},
	}
	c.Security = []map[string][]string{{"token": {}}}
	return c
}

// roleKey is where an operation keeps the role that it needs.
const roleKey = "role"

// operation is what every operation of the API has.
func operation(id, method, path string, needs Role, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: api.Prefix + path, Summary: summary,
		Description: "Needs the role " + string(needs) + ".",
		Metadata:    map[string]any{roleKey: needs},
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden},
	}
}

// authorize refuses actors whose role does not reach. It runs after routing, so it sees
// the operation itself and not a path; an operation that names no role is closed.
func authorize(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		needed, _ := ctx.Operation().Metadata[roleKey].(Role)
		who := actorFrom(ctx.Context())
		if !who.Role.allows(needed) {
			detail := fmt.Sprintf("%q has the role %s, this needs %s", who.Name, who.Role, needed)
			_ = huma.WriteErr(h, ctx, http.StatusForbidden, detail)
			return
		}
		next(ctx)
	}
}

func (s *Server) count(ctx huma.Context, next func(huma.Context)) {
	next(ctx)
	s.metrics.requests.WithLabelValues(ctx.Operation().OperationID, strconv.Itoa(ctx.Status())).Inc()
}

// describe serves the OpenAPI 3.1 document, which is written when somebody asks for it.
func describe(mux *http.ServeMux, doc *huma.OpenAPI) {
	serve := func(suffix, kind string, write func() ([]byte, error)) {
		written := sync.OnceValues(write)
		mux.HandleFunc("GET "+api.Prefix+"/openapi"+suffix, func(w http.ResponseWriter, _ *http.Request) {
			content, err := written()
			if err != nil {
				problem(w, http.StatusInternalServerError, "the description cannot be written: "+err.Error())
				return
			}
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(content)
		})
	}
	serve(".json", "application/openapi+json", func() ([]byte, error) { return json.MarshalIndent(doc, "", "  ") })
	serve(".yaml", "application/openapi+yaml", doc.YAML)
}

// unknown answers what no operation matched: 405 when another method would, else 404.
func unknown(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem(w, http.StatusMethodNotAllowed, "this path takes "+strings.Join(allowed, ", "))
		return
	}
	problem(w, http.StatusNotFound, "no such path: "+api.Prefix+"/openapi.json lists them")
}
