package scaffold

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Options are the few facts that a first tenant needs.
type Options struct {
	Tenant   string
	Hosts    []string // TENANT.localhost when empty
	Database string   // the tenant's name when empty
	Version  string   // of Odoo
	Backends []string // URLs of the HTTP ports
	Realtime []string // URLs of the realtime ports, one for each backend or none
	Workers  int
	Port     int
}

// server is one backend as the template prints it.
type server struct{ Name, HTTP, Realtime string }

// Servers joins the two lists of addresses.
func (o Options) Servers() []server {
	var all []server
	for i, address := range o.Backends {
		s := server{Name: fmt.Sprintf("b%d", i+1), HTTP: address}
		if i < len(o.Realtime) {
			s.Realtime = o.Realtime[i]
		}
		all = append(all, s)
	}
	return all
}

func (o Options) withDefaults() Options {
	if len(o.Hosts) == 0 {
		o.Hosts = []string{o.Tenant + ".localhost"}
	}
	if o.Database == "" {
		o.Database = o.Tenant
	}
	return o
}

// check says everything that is wrong with the options.
func (o Options) check() error {
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if !name.MatchString(o.Tenant) {
		complain("--tenant %q: use lower case letters, digits and hyphens, 63 at most", o.Tenant)
	}
	for _, host := range o.Hosts {
		if !hostname.MatchString(host) {
			complain("--host %q: write a host name such as erp.acme.example, without scheme, port or path", host)
		}
	}
	if !database.MatchString(o.Database) {
		complain("--database %q: use letters, digits, dots, hyphens and underscores", o.Database)
	}
	if !version.MatchString(o.Version) {
		complain("--version %q: write an Odoo version such as 18.0, or auto", o.Version)
	}
	if len(o.Backends) == 0 {
		complain("--backend: name at least one Odoo server")
	}
	if len(o.Realtime) > 0 && len(o.Realtime) != len(o.Backends) {
		complain("--realtime: give one for each --backend (%d), not %d", len(o.Backends), len(o.Realtime))
	}
	for _, address := range append(append([]string{}, o.Backends...), o.Realtime...) {
		if !origin(address) {
			complain("%q: write the address of an Odoo server as http://HOST:PORT", address)
		}
	}
	if o.Port < 1 || o.Port > 65535 {
		complain("--port %d: use 1 to 65535", o.Port)
	}
	if o.Workers < 0 {
		complain("--workers %d: use 0 when it is not known", o.Workers)
	}
	return errors.Join(wrong...)
}

// origin says whether address is scheme, host and port, and nothing else.
func origin(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == "" && strings.Trim(u.Path, "/") == ""
}

var (
	name     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	hostname = regexp.MustCompile(`^(\*\.)?([\pL\pN]([-\pL\pN]*[\pL\pN])?\.)*[\pL\pN]([-\pL\pN]*[\pL\pN])?$`)
	database = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	version  = regexp.MustCompile(`^(auto|\d{1,2}\.\d)$`)
)
