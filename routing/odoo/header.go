package odoo

import "strings"

// maxFold is longer than any protected name, so a longer name can match a prefix only.
const maxFold = 64

// AliasHeader tells whether a header name holds anything but letters, digits and '-'. WSGI
// servers fold '_' into '-', and some fold other signs, so X_Odoo_dbfilter would reach Odoo
// as the header that the gateway sets. The guard refuses such a request.
func AliasHeader(name string) bool {
	for i := 0; i < len(name); i++ {
		if !isAlnum(name[i]) && name[i] != '-' {
			return true
		}
	}
	return name == ""
}

// ForeignHeader tells whether a request header may not come from a client: forwarding and
// identity headers, what selects a database or a session, what rewrites the path or the
// method, the gateway's own names, and every alias of anything (AliasHeader).
func ForeignHeader(name string) bool {
	if AliasHeader(name) {
		return true
	}
	var buf [maxFold]byte
	folded := fold(buf[:0], name)
	return foreignName(string(folded)) || foreignPrefix(string(folded))
}

// fold lower-cases the first maxFold bytes of name into buf.
func fold(buf []byte, name string) []byte {
	for i := 0; i < len(name) && i < maxFold; i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

func foreignName(name string) bool {
	switch name {
	case "forwarded", "x-forwarded", "x-host", "x-real-ip", "x-real-host", "x-scheme", "x-url-scheme",
		"front-end-https", "x-client-ip", "x-cluster-client-ip", "client-ip", "true-client-ip",
		"cf-connecting-ip", "fastly-client-ip", "x-proxyuser-ip", "proxy-client-ip", "wl-proxy-client-ip",
		"x-rewrite-url", "x-waws-unencoded-url", "x-http-method-override", "x-http-method",
		"x-method-override",
		"disguised-host", "was-default-hostname", "x-client-cert", "client-cert",
		"client-cert-chain", "proxy": // "Proxy" becomes HTTP_PROXY, which Python's urllib believes
		return true
	}
	return false
}

func foreignPrefix(name string) bool {
	for _, prefix := range [...]string{
		"x-forwarded-", "x-original-", "x-odoo-", "x-openerp-", "x-sluice-", "x-auth-",
		"x-authenticated-", "x-webauth-", "x-remote-", "remote-", "ssl-client-", "x-ssl-",
		"x-azure-", "x-arr-", "x-ms-client-principal", "x-appservice-", "x-envoy-", "x-accel-", "x-sendfile",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// ResponseHeaderDropped tells whether an answer's header must not reach a client: paths of
// the server's file store that only a front server of its own may read, and names of ours
// that Odoo must not claim; what limits hold is the edge's to say.
func ResponseHeaderDropped(name string) bool {
	var buf [maxFold]byte
	folded := string(fold(buf[:0], name))
	for _, prefix := range [...]string{"x-accel-", "x-sendfile", "x-lighttpd-send-", "x-sluice-", "x-odoo-dbfilter", "ratelimit"} {
		if strings.HasPrefix(folded, prefix) {
			return true
		}
	}
	return false
}
