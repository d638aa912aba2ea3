package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/internal/keyring"
)

// certificate writes one with its key, and returns both paths.
func certificate(t *testing.T, dir string) (cert, key config.Path) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, block *pem.Block) config.Path {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Path(path)
	}
	return write("cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: der}), write("key.pem", &pem.Block{Type: "EC PRIVATE KEY", Bytes: plain})
}

func TestRedisSettings(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	password := config.Path(filepath.Join(dir, "password"))
	if err := os.WriteFile(string(password), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := config.Path(filepath.Join(dir, "none"))
	for rule, c := range map[string]struct {
		settings config.RedisStore
		says     string
	}{
		"an address":                      {config.RedisStore{Address: "r:1"}, ""},
		"a password and TLS":              {config.RedisStore{Address: "r:1", PasswordFile: password, TLS: &config.ClientTLS{CAFile: cert, CertFile: cert, KeyFile: key}}, ""},
		"a password that is not there":    {config.RedisStore{Address: "r:1", PasswordFile: none}, "passwordFile: open " + string(none)},
		"an authority that is not there":  {config.RedisStore{Address: "r:1", TLS: &config.ClientTLS{CAFile: none}}, "tls.caFile: open"},
		"an authority that is none":       {config.RedisStore{Address: "r:1", TLS: &config.ClientTLS{CAFile: password}}, "holds no certificate"},
		"a certificate that is not there": {config.RedisStore{Address: "r:1", TLS: &config.ClientTLS{CertFile: none, KeyFile: key}}, "tls.certFile: open"},
		"a key of another one":            {config.RedisStore{Address: "r:1", TLS: &config.ClientTLS{CertFile: cert, KeyFile: password}}, "tls.certFile:"},
	} {
		t.Run(rule, func(t *testing.T) {
			made, err := redisConfig(&c.settings)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v", err)
			}
			if err == nil && (made.TLS == nil) != (c.settings.TLS == nil) {
				t.Errorf("TLS is %v", made.TLS)
			}
			if err == nil && made.TLS != nil && (made.TLS.RootCAs == nil || made.TLS.GetClientCertificate == nil || made.TLS.InsecureSkipVerify) {
				t.Error("the authority or our certificate is not used")
			}
		})
	}
}

func TestKeyIDs(t *testing.T) {
	ids := func(ring string) []string {
		t.Helper()
		keys, err := keyring.Open(ring, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&Gateway{keys: keys}).keyIDs()
		if err != nil || len(got) == 0 {
			t.Fatalf("got %v, %v", got, err)
		}
		return got
	}
	dir := t.TempDir()
	one, other := filepath.Join(dir, "one"), filepath.Join(dir, "other")
	if !slices.Equal(ids(one), ids(one)) {
		t.Error("one ring has two names")
	}
	if slices.Equal(ids(one), ids(other)) { // made in the same second
		t.Error("two rings have one name")
	}
	text, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), ids(one)[0]) {
		t.Error("the name tells the key")
	}
}
