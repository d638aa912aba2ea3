package odoohygiene

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"sluicegate.dev/sluice/routing/odoo"
)

// ClassHeader carries the route class to the server, where Config.TagClass is set.
const ClassHeader = "X-Sluice-Class"

// Config is what the plugin is configured with. The zero value is useful: every rule holds,
// any hostname passes and no database is chosen.
type Config struct {
	// Hosts are the hostnames that this route serves; "*.x" covers one label. Others get
	// 421. Empty: any hostname, for routers whose rule names the host already.
	Hosts []string `json:"hosts,omitempty"`
	// Database is the tenant's. It goes to Odoo as X-Odoo-dbfilter, which OCA's
	// dbfilter_from_header reads. Empty: no such header is sent.
	Database string `json:"database,omitempty"`
	// Version of Odoo, such as "18.0". Empty: the newest.
	Version string `json:"version,omitempty"`
	// PublicPort is the port in the address bar, when it is neither 80 nor 443.
	PublicPort int `json:"publicPort,omitempty"`
	// TrustedProxies are the addresses (CIDR) whose X-Forwarded-For and -Proto count.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	// Manager opens the database manager.
	Manager bool `json:"manager,omitempty"`
	// TagClass sends the route class to the server as X-Sluice-Class.
	TagClass bool `json:"tagClass,omitempty"`
}

// CreateConfig returns the default configuration.
func CreateConfig() *Config { return &Config{} }

// Hygiene is the middleware.
type Hygiene struct {
	next     http.Handler
	config   Config
	profile  odoo.Profile
	dbfilter string
	trusted  []netip.Prefix
}

// New makes the middleware. A configuration that cannot be read is an error: it must not
// become a laxer one.
func New(_ context.Context, next http.Handler, config *Config, name string) (http.Handler, error) {
	if config == nil {
		return nil, errors.New(name + ": no configuration")
	}
	h := &Hygiene{next: next, config: *config}
	h.profile, _ = odoo.ProfileFor(config.Version)
	if config.Database != "" {
		h.dbfilter = odoo.DBFilter(config.Database)
	}
	if strings.ContainsAny(config.Database, "\r\n\x00") {
		return nil, fmt.Errorf("%s: database %q cannot be sent in a header", name, config.Database)
	}
	if config.PublicPort < 0 || config.PublicPort > 65535 {
		return nil, fmt.Errorf("%s: publicPort %d is no port", name, config.PublicPort)
	}
	for _, host := range config.Hosts {
		canonical, port, err := odoo.CanonicalHost(strings.TrimPrefix(host, "*."))
		if err != nil || port != "" || canonical != strings.TrimPrefix(host, "*.") {
			return nil, fmt.Errorf("%s: host %q is not a canonical hostname", name, host)
		}
	}
	for _, text := range config.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s: trusted proxy: %w", name, err)
		}
		h.trusted = append(h.trusted, prefix)
	}
	return h, nil
}

// ServeHTTP refuses what has two readings and cleans the rest.
func (h *Hygiene) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !sameTarget(r) {
		refuse(w, http.StatusBadRequest)
		return
	}
	host, status := h.host(r)
	if status == 0 {
		status = refuseHeaders(r.Header)
	}
	class := odoo.Web
	if status == 0 {
		class, status = h.class(r)
	}
	if status != 0 {
		refuse(w, status)
		return
	}
	h.clean(r, host)
	if h.config.TagClass {
		r.Header.Set(ClassHeader, string(class))
	}
	h.next.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}

// host returns the canonical host, or the status that refuses it. There is no default host
// on purpose.
func (h *Hygiene) host(r *http.Request) (string, int) {
	host, _, err := odoo.CanonicalHost(r.Host)
	if err != nil {
		return "", http.StatusBadRequest
	}
	if odoo.IsIP(host) || !h.serves(host) {
		return "", http.StatusMisdirectedRequest
	}
	return host, 0
}

func (h *Hygiene) serves(host string) bool {
	if len(h.config.Hosts) == 0 {
		return true
	}
	label, rest := host, ""
	if i := strings.IndexByte(host, '.'); i >= 0 {
		label, rest = host[:i], host[i+1:]
	}
	wild := rest != "" && !strings.Contains(label, "_")
	for _, served := range h.config.Hosts {
		if served == host || (wild && served == "*."+rest) {
			return true
		}
	}
	return false
}

// class decides on the path that goes to Odoo, after whatever changed it before.
func (h *Hygiene) class(r *http.Request) (odoo.Class, int) {
	escaped := r.URL.EscapedPath()
	path, err := odoo.DecodePath(escaped)
	if err != nil {
		return "", http.StatusBadRequest
	}
	class := h.profile.Classify(path, r.Method)
	if class == odoo.Manager && !h.config.Manager {
		return "", http.StatusForbidden
	}
	if !odoo.EncodedOK(escaped, class) {
		return "", http.StatusBadRequest
	}
	return class, 0
}

// sameTarget looks at the target as the client wrote it: a fragment or another host in it
// is lost in r.URL.
func sameTarget(r *http.Request) bool {
	if r.RequestURI == "" {
		return true // made by another middleware
	}
	target, err := odoo.SplitTarget(r.RequestURI)
	if err != nil {
		return false
	}
	if target.Host == "" {
		return true
	}
	one, _, errOne := odoo.CanonicalHost(target.Host)
	two, _, errTwo := odoo.CanonicalHost(r.Host)
	return errOne == nil && errTwo == nil && one == two
}
