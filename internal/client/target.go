package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SocketName is the name of the admin socket in a data directory.
const SocketName = "admin.sock"

// Target says where a gateway's admin API is and how to log in.
type Target struct {
	Server    string // https://HOST:PORT; empty: the unix socket
	TokenFile string
	CAFile    string // PEM; empty: the system's
	Socket    string
	From      string // where this came from, for messages: "--server", "context prod" ...
}

// String names the target for messages.
func (t Target) String() string {
	if t.Server != "" {
		return t.Server
	}
	return "the gateway at " + t.Socket
}

// Options are what the command line says about where the gateway is.
type Options struct {
	Server, TokenFile, CAFile string
	Context                   string
	DataDir                   string // set explicitly or not
	DataDirSet                bool
}

// Find decides which gateway is meant: --server, else --context, else --data-dir when it
// was given, else the current context, else the socket in the default data directory.
func Find(o Options, contexts *Contexts) (Target, error) {
	switch {
	case o.Server != "" && o.Context != "":
		return Target{}, errors.New("--server and --context exclude each other")
	case o.Server != "":
		return Target{Server: o.Server, TokenFile: o.TokenFile, CAFile: o.CAFile, From: "--server"}, nil
	case o.Context != "":
		return contexts.target(o.Context, "--context "+o.Context)
	case o.DataDirSet:
		return Target{Socket: filepath.Join(o.DataDir, SocketName), From: "--data-dir"}, nil
	case contexts.Current != "":
		return contexts.target(contexts.Current, "current context "+contexts.Current)
	}
	return Target{Socket: filepath.Join(o.DataDir, SocketName), From: "default data directory"}, nil
}

func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("token file %s must hold one line, the token", file)
	}
	return token, nil
}

func tlsConfig(caFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return config, nil
	}
	content, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("CA file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("CA file %s holds no certificate in PEM form", caFile)
	}
	return config, nil
}
