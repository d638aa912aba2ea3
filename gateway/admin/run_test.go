package admin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// socketDir is short: a unix socket's path is bounded, and t.TempDir has the test's name.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "adm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestRunServesBothAndLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := socketDir(t)
	socket := filepath.Join(dir, "admin.sock")
	files := certificateFiles(t, dir)
	address := freeAddress(t)
	s := newServer(t, sample(), func(c *Config) { c.Socket, c.Address, c.TLS = socket, address, &files })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()

	local := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	if status := eventually(t, local, "http://localhost/api/v1/status", ""); status != 200 {
		t.Errorf("socket: %d", status)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", info.Mode(), err)
	}
	remote := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: trust(t, files)}}
	if status := eventually(t, remote, "https://"+address+"/api/v1/status", tokens[Viewer]); status != 200 {
		t.Errorf("TCP: %d", status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // certificate and key
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestRunWithoutTokensStaysOffTCP(t *testing.T) {
	s := newServer(t, sample(), func(c *Config) { c.Tokens = nil })
	listener, _, err := s.openTCP()
	if listener != nil || err != nil {
		t.Errorf("got %v %v", listener, err)
	}
}

func TestRunSaysWhichAddressIsTaken(t *testing.T) {
	defer goleak.VerifyNone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := socketDir(t)
	s := newServer(t, sample(), func(c *Config) {
		c.Socket, c.Address = filepath.Join(dir, "admin.sock"), taken.Addr().String()
	})
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "spec.admin.address") {
		t.Errorf("got %v", err)
	}
}

func TestSocket(t *testing.T) {
	cases := map[string]struct {
		before func(t *testing.T, path string)
		says   string // empty: it listens
	}{
		"a free path": {func(*testing.T, string) {}, ""},
		"a stale socket is replaced": {func(t *testing.T, path string) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			_ = l.Close()
		}, ""},
		"a live socket is left alone": {func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
		}, "another gateway"},
		"a file is left alone": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "no socket"},
		"a link is left alone": {func(t *testing.T, path string) {
			if err := os.Symlink("/etc/hostname", path); err != nil {
				t.Fatal(err)
			}
		}, "no socket"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(socketDir(t), "admin.sock")
			c.before(t, path)
			l, err := listenSocket(path)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
				t.Errorf("mode %v %v", info.Mode(), err)
			}
			_ = l.Close()
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Error("the socket outlives its listener")
			}
		})
	}
}

func TestSocketOfTheNextProcessSurvives(t *testing.T) {
	path := filepath.Join(socketDir(t), "admin.sock")
	old, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	_ = old.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("closing the old listener removed the new socket: %v", err)
	}
}

func TestSocketPathTooLong(t *testing.T) {
	_, err := listenSocket("/tmp/" + strings.Repeat("x", 100) + "/admin.sock")
	if err == nil || !strings.Contains(err.Error(), "shorter data directory") {
		t.Errorf("got %v", err)
	}
}

// eventually asks until somebody answers.
func eventually(t *testing.T, c *http.Client, url, token string) int {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(10 * time.Second)
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := c.Do(request)
		if err == nil {
			_ = response.Body.Close()
			return response.StatusCode
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-tick.C
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func certificateFiles(t *testing.T, dir string) TLSFiles {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := TLSFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func trust(t *testing.T, files TLSFiles) *tls.Config {
	t.Helper()
	content, err := os.ReadFile(files.Cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(content)
	return &tls.Config{RootCAs: pool}
}
