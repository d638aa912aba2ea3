package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// authority makes certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "ca"}}
	a.cert, a.key = a.sign(t, "ca", template)
	a.pool.AddCert(a.cert)
	return a
}

// sign writes NAME.pem and NAME.key.
func (a *authority) sign(t *testing.T, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(a.path(name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) path(file string) string { return filepath.Join(a.dir, file) }

func (a *authority) server(t *testing.T, names []string, addresses ...net.IP) {
	t.Helper()
	a.sign(t, "server", &x509.Certificate{DNSNames: names, IPAddresses: addresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
}

// arguments start a server that speaks TLS on a port, and asks for client certificates.
func (a *authority) arguments(port string) []string {
	return []string{
		"--tls-port", port, "--tls-cert-file", a.path("server.pem"), "--tls-key-file", a.path("server.key"),
		"--tls-ca-cert-file", a.path("ca.pem"), "--tls-auth-clients", "yes",
	}
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	a.server(t, []string{"redis.example"}, net.IPv4(127, 0, 0, 1))
	a.sign(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	mine, err := tls.LoadX509KeyPair(a.path("client.pem"), a.path("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	port := itoa(int64(redistest.FreePort(t)))
	redistest.Start(t, a.arguments(port)...)

	for rule, c := range map[string]struct {
		tls  *tls.Config
		fits bool
	}{
		"a known authority and our certificate": {&tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{mine}}, true},
		"another name, if it is told":           {&tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{mine}, ServerName: "redis.example"}, true},
		"a name that it does not have":          {&tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{mine}, ServerName: "other.example"}, false},
		"an unknown authority":                  {&tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{mine}}, false},
		"no certificate of ours":                {&tls.Config{RootCAs: a.pool}, false},
		"no TLS":                                {nil, false},
	} {
		t.Run(rule, func(t *testing.T) {
			s := running(t, Config{Address: "127.0.0.1:" + port, TLS: c.tls})
			if c.fits {
				ready(t, s)
				watching(t, s)
				return
			}
			_, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute)
			if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknown) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The nodes of a cluster introduce each other by address. What counts is the name that the
// operator gave.
func TestTLSCluster(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.server(t, []string{"localhost"}) // and no address
	c := redistest.StartTLSCluster(t, append(a.arguments("0")[2:], "--tls-auth-clients", "no")...)
	seeds := c.TLSAddrs()
	_, port, _ := net.SplitHostPort(seeds[0])
	seeds[0] = "localhost:" + port
	s := running(t, Config{Cluster: seeds[:1], TLS: &tls.Config{RootCAs: a.pool}})
	ready(t, s)
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		if _, err := s.PutPin(t.Context(), "acme", key, "v", 1, time.Minute); err != nil {
			t.Error(err)
		}
	}
}
