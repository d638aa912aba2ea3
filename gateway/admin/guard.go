package admin

import (
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/console"
)

// local is the API as the unix socket serves it: whoever may open the file has all rights.
func (s *Server) local() http.Handler {
	owner := actor{Name: "local socket", Role: Admin}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mux.ServeHTTP(w, r.WithContext(withActor(r.Context(), owner)))
	})
	return s.canonicalPath(s.probes(s.page(jsonOnly(api))))
}

// remote is the API as TCP serves it.
func (s *Server) remote() http.Handler {
	return s.canonicalPath(s.probes(s.knownHost(s.page(sameOrigin(jsonOnly(s.login(s.mux)))))))
}

// page serves the console to anyone who knows the API by its name: it says nothing of any
// tenant, and asks the API like any other client.
func (s *Server) page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == console.Prefix || strings.HasPrefix(r.URL.Path, console.Prefix+"/") {
			s.console.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// canonicalPath refuses every other spelling of a path (//, dot segments, a slash at the
// end, encoded letters), so that what the rules saw is what the mux sees.
func (s *Server) canonicalPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.URL.RawPath != "" || path.Clean(r.URL.Path) != r.URL.Path && r.URL.Path != console.Prefix+"/" {
			problem(w, http.StatusBadRequest, "the path is not in its plain form: no encoded characters, double slashes, dots or slash at the end")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// probes answers liveness and readiness to anyone: they say nothing that a connection to
// the gateway does not say.
func (s *Server) probes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ping":
			fmt.Fprintln(w, "OK")
		case "/ready":
			if err := s.ready(); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "OK")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *Server) ready() error {
	if s.config.Ready == nil {
		return nil
	}
	return s.config.Ready()
}

// knownHost refuses names that are not ours: a page whose name was pointed at this address
// (DNS rebinding) sends its own. An address literal cannot be rebound, but it must be the
// one that was connected to.
func (s *Server) knownHost(next http.Handler) http.Handler {
	names := []string{"localhost"}
	if host, _, err := net.SplitHostPort(s.config.Address); err == nil && host != "" {
		names = append(names, plainHost(host))
	}
	for _, host := range s.config.Hosts {
		names = append(names, plainHost(host))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := plainHost(r.Host)
		if !slices.Contains(names, host) && !connectedTo(r, host) {
			problem(w, http.StatusMisdirectedRequest, "the admin API does not go by the name "+strconv.Quote(host)+": use its address, or add the name to spec.admin.hosts")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plainHost is a Host header or a configured host without port, brackets, case and dot.
func plainHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func connectedTo(r *http.Request, host string) bool {
	literal, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	addr, _ := netip.AddrFromSlice(local.IP)
	return addr.Unmap() == literal.Unmap()
}

// sameOrigin refuses writes that a browser sends for another site's page.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "this write comes from a page of another origin")
	}))
	return protection.Handler(next)
}

// jsonOnly refuses bodies that are not JSON. The types that an HTML form can send are
// forbidden outright: no client of ours sends them.
func jsonOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case err == nil && kind == "application/json":
			next.ServeHTTP(w, r)
		case kind == "application/x-www-form-urlencoded", kind == "multipart/form-data", kind == "text/plain":
			problem(w, http.StatusForbidden, "forms are not accepted: send application/json")
		default:
			problem(w, http.StatusUnsupportedMediaType, "the body must be application/json")
		}
	})
}

// problem answers with Problem Details (RFC 9457) where huma has no say.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.ProblemDetails{Title: http.StatusText(status), Status: status, Detail: detail})
}

func refuseFor(w http.ResponseWriter, wait time.Duration, detail string) {
	seconds := strconv.Itoa(int(wait/time.Second) + 1)
	w.Header().Set("Retry-After", seconds)
	problem(w, http.StatusTooManyRequests, detail+": wait "+seconds+" s, or use the unix socket")
}
