package config

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// certificate loads the tenant's own certificate. One that has expired or does not fit is
// served all the same: a browser's warning is better than a tenant that is gone.
func (b *tenantBuilder) certificate(now time.Time) {
	t := b.spec.TLS
	switch {
	case t == nil:
	case t.SecretName != "":
		b.fail("spec.tls.secretName", "use certificate: {certFile, keyFile}", "secrets are read by the kubernetes source only")
	case t.Issuer != "":
		b.warn("spec.tls.issuer", "use certificate: {certFile, keyFile}, or a certificate resolver in spec.traefik",
			"certificates are not ordered by this version; https answers with the entry point's default certificate")
	case t.Certificate != nil:
		b.load(t.Certificate, now)
	}
}

func (b *tenantBuilder) load(s *ServerTLS, now time.Time) {
	const field = "spec.tls.certificate."
	cert, okCert := b.served.source.Files[string(s.CertFile)]
	key, okKey := b.served.source.Files[string(s.KeyFile)]
	for _, f := range []struct {
		name string
		path Path
		ok   bool
	}{{"certFile", s.CertFile, okCert}, {"keyFile", s.KeyFile, okKey}} {
		if !f.ok {
			b.fail(field+f.name, "paths are relative to the file that holds them", "cannot read %s", f.path)
		}
	}
	if !okCert || !okKey {
		return
	}
	pair, err := keyPair(cert, key)
	if err != nil {
		b.fail(field+"certFile", "", "%s", err)
		return
	}
	b.served.certificate = pair
	if now.After(pair.Leaf.NotAfter) {
		b.warn(field+"certFile", "", "the certificate expired on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	for _, host := range b.served.tenant.Hosts {
		// A wildcard is covered when any name in its place is.
		if pair.Leaf.VerifyHostname(strings.Replace(host, "*", "any", 1)) != nil {
			b.warn(field+"certFile", "", "the certificate does not cover %s", host)
		}
	}
}

// keyPair parses a certificate with its leaf.
func keyPair(cert, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate and key do not work: %s", withoutPrefix(err))
	}
	return &pair, nil
}

// withoutPrefix drops the package name that errors of crypto/tls start with.
func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }
