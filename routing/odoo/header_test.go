package odoo

import (
	"strings"
	"testing"
)

func TestForeignHeader(t *testing.T) {
	foreign := []string{
		"X-Odoo-dbfilter", "X-ODOO-DBFILTER", "x-odoo-database", "X-Openerp-Session-Id",
		"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-For", "X-Forwarded-Prefix",
		"X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Tls-Client-Cert", "X-Real-Ip",
		"Forwarded", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override",
		"True-Client-IP", "X-Azure-ClientIP", "X-Azure-FDID", "X-ARR-LOG-ID", "X-ARR-SSL",
		"X-Auth-User", "X-Auth-Request-Email", "Remote-User", "Remote-Groups", "Ssl-Client-Cert", "Ssl-Client-Verify",
		"X-Sluice-Class", "X-MS-Client-Principal", "X-MS-CLIENT-PRINCIPAL-NAME", "X-Accel-Internal", "X-Sendfile-Type", "Proxy",
		"", "X_Odoo_dbfilter", "X-Odoo_dbfilter", "X.Odoo.Dbfilter", "X_Anything", "Content_Length", "a:b", "ü",
	}
	for _, sign := range "!#$%&'*+.^_`|~" {
		foreign = append(foreign, "X"+string(sign)+"Odoo"+string(sign)+"dbfilter", "X"+string(sign)+"Harmless")
	}
	for _, name := range foreign {
		if !ForeignHeader(name) {
			t.Errorf("%q may come from a client", name)
		}
	}
	for _, name := range []string{
		"Accept", "Authorization", "Content-Type", "Cookie", "Origin", "Referer", "User-Agent", "X-Requested-With", "X-Request-Id",
		"Sec-Fetch-Mode", "Range", "If-None-Match", "X-Disable-Tracking", "Sec-Websocket-Key", "X-Csrf-Token", "Dnt", "Traceparent", "X-Hub-Signature-256",
		"Stripe-Signature", strings.Repeat("a", 300),
	} {
		if ForeignHeader(name) {
			t.Errorf("%q is refused", name)
		}
	}
}

// Every name that WSGI folds onto a protected one is foreign.
func FuzzForeignHeader(f *testing.F) {
	for _, s := range []string{"X-Odoo-dbfilter", "x_forwarded_host", "Accept", "X-Forwarded", "Remote-User", "X-Real_IP"} {
		f.Add(s)
	}
	protected := []string{"HTTP_X_ODOO_DBFILTER", "HTTP_X_ODOO_DATABASE", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_OPENERP_SESSION_ID", "HTTP_REMOTE_USER"}
	f.Fuzz(func(t *testing.T, name string) {
		environ := "HTTP_" + strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		for _, p := range protected {
			if environ == p && !ForeignHeader(name) {
				t.Fatalf("%q reaches Odoo as %s", name, p)
			}
		}
		if AliasHeader(name) && !ForeignHeader(name) {
			t.Fatalf("%q is an alias and passes", name)
		}
	})
}

func TestResponseHeaderDropped(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Accel-Redirect": true, "X-Sendfile": true, "x-accel-buffering": true, "X-Sluice-Backend": true, "X-Lighttpd-Send-File": true, "RateLimit": true, "Ratelimit-Policy": true,
		"Content-Type": false, "Set-Cookie": false, "X-Frame-Options": false,
	} {
		if got := ResponseHeaderDropped(name); got != want {
			t.Errorf("ResponseHeaderDropped(%q) = %v, want %v", name, got, want)
		}
	}
}
