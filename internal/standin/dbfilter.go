package standin

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// filterCache keeps compiled database filters. A stand-in sees few hosts; the cache is
// emptied when it grows.
type filterCache struct {
	mu   sync.Mutex
	seen map[string]*regexp.Regexp
}

// compile reads a filter as Python's re.match does: it must fit at the start only. %h is the
// host and %d its first label.
func (f *filterCache) compile(filter, host string) (*regexp.Regexp, error) {
	host, _, _ = strings.Cut(host, ":")
	host = strings.TrimPrefix(host, "www.")
	domain, _, _ := strings.Cut(host, ".")
	filter = strings.NewReplacer("%h", regexp.QuoteMeta(host), "%d", regexp.QuoteMeta(domain)).Replace(filter)
	return f.match(filter)
}

func (f *filterCache) match(expression string) (*regexp.Regexp, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if re, ok := f.seen[expression]; ok {
		return re, nil
	}
	re, err := regexp.Compile(`\A(?:` + strings.ReplaceAll(expression, `\Z`, `\z`) + `)`)
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	if len(f.seen) > 1000 || f.seen == nil {
		f.seen = map[string]*regexp.Regexp{}
	}
	f.seen[expression] = re
	return re, nil
}

// databases lists what the host of this request may see.
func (c *call) databases() ([]string, error) {
	return c.filterDatabases(c.srv.databases.list())
}

func (c *call) filterDatabases(all []string) ([]string, error) {
	cfg := &c.srv.cfg
	all = slices.Clone(all)
	if cfg.DBFilter != "" {
		re, err := c.srv.filters.compile(cfg.DBFilter, c.env["HTTP_HOST"])
		if err != nil {
			return nil, newHTTPError(http.StatusInternalServerError, err.Error())
		}
		all = keep(all, re)
	} else if len(cfg.DBNames) > 0 {
		all = slices.DeleteFunc(all, func(db string) bool { return !slices.Contains(cfg.DBNames, db) })
	}
	// The module works only behind proxy_mode; without the header it filters nothing.
	header := c.env["HTTP_X_ODOO_DBFILTER"]
	if !cfg.HeaderFilter || !cfg.ProxyMode || header == "" {
		return all, nil
	}
	re, err := c.srv.filters.match(header)
	if err != nil {
		return nil, newHTTPError(http.StatusInternalServerError, err.Error())
	}
	return keep(all, re), nil
}

func keep(databases []string, re *regexp.Regexp) []string {
	return slices.DeleteFunc(databases, func(db string) bool { return !re.MatchString(db) })
}
