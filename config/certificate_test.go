package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// pair makes a certificate for names, as PEM files.
func pair(t *testing.T, ends time.Time, names ...string) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: ends.Add(-24 * time.Hour), NotAfter: ends}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func withTLS(files map[string][]byte) Document {
	text := declared(1, "h")
	text = strings.TrimSuffix(text, "}\n") + ", tls: {certificate: {certFile: tls.crt, keyFile: tls.key}}}\n"
	var doc Document
	for _, r := range Parse("a.yaml", text) {
		doc.Resources = append(doc.Resources, r.With(files))
	}
	return doc
}

func TestCertificates(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	names := []string{"h1.example.com", "t1.example.com", "*.t1.example.com"}
	good := pair(t, now.Add(24*time.Hour), names...)
	s := Compile(withTLS(good), nil, Options{Now: now})
	if len(s.Problems) > 0 || !s.Tenants["t1"].TLS {
		t.Fatal(s.Problems)
	}
	for name, want := range map[string]bool{
		"h1.example.com": true, "H1.Example.COM.": true, "any.t1.example.com": true,
		"a.b.t1.example.com": false, "example.com": false, "": false,
	} {
		if got := s.Certificate(name) != nil; got != want {
			t.Errorf("%q has a certificate: %v", name, got)
		}
	}

	for name, c := range map[string]struct {
		files map[string][]byte
		says  string
		stale bool
	}{
		"it expired":          {pair(t, now.Add(-time.Hour), names...), "the certificate expired on 2026-11-22", false},
		"a host is missing":   {pair(t, now.Add(time.Hour), "h1.example.com"), "does not cover t1.example.com", false},
		"the key is not its":  {map[string][]byte{"tls.crt": good["tls.crt"], "tls.key": pair(t, now, "x")["tls.key"]}, "certificate and key do not work", true},
		"the key is missing":  {map[string][]byte{"tls.crt": good["tls.crt"]}, "keyFile: cannot read tls.key", true},
		"it is half a file":   {map[string][]byte{"tls.crt": good["tls.crt"][:90], "tls.key": good["tls.key"]}, "certificate and key do not work", true},
		"there is no file":    {nil, "certFile: cannot read tls.crt", true},
		"another, just as it": {pair(t, now.Add(time.Hour), names...), "", false},
	} {
		next := Compile(withTLS(c.files), s, Options{Now: now})
		if !strings.Contains(next.Problems.String(), c.says) {
			t.Errorf("%s: %s", name, next.Problems)
		}
		if got := next.State("t1") == StateStale; got != c.stale {
			t.Errorf("%s: stale is %v", name, got)
		}
		old := bytes.Equal(next.Certificate("h1.example.com").Certificate[0], s.Certificate("h1.example.com").Certificate[0])
		if old != c.stale {
			t.Errorf("%s: the old certificate is served: %v", name, old)
		}
	}
}

func TestBackendTLS(t *testing.T) {
	files := pair(t, time.Now().Add(time.Hour), "odoo")
	pool := func(tls string) Document {
		text := strings.Replace(declared(1, "h"), `"http://10.0.0.1:8069", workers: 6`, `"https://odoo", tls: {`+tls+`}`, 1)
		var doc Document
		for _, r := range Parse("a.yaml", text) {
			doc.Resources = append(doc.Resources, r.With(files))
		}
		return doc
	}
	s := Compile(pool("caFile: tls.crt, serverName: odoo, certFile: tls.crt, keyFile: tls.key"), nil, Options{})
	if len(s.Problems) > 0 {
		t.Fatal(s.Problems)
	}
	tls := s.Pools["t1"].Backends[0].TLS
	if tls.ServerName != "odoo" || !bytes.Equal(tls.CA, files["tls.crt"]) || !bytes.Equal(tls.Key, files["tls.key"]) {
		t.Errorf("got %+v", tls)
	}
	for fields, says := range map[string]string{
		"caFile: tls.key":                     "holds no PEM certificate",
		"caFile: none":                        "cannot read none",
		"certFile: tls.crt":                   "certFile and keyFile go together",
		"certFile: tls.key, keyFile: tls.crt": "certificate and key do not work",
		"serverName: 'a b'":                   "is not a hostname",
	} {
		if s := Compile(pool(fields), nil, Options{}); !strings.Contains(s.Problems.String(), says) || len(s.Tenants) > 0 {
			t.Errorf("%s: %s", fields, s.Problems)
		}
	}
}
