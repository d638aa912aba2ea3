package admin

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// withTLS serves TLS 1.3 or 1.2 on l with the certificate of files.
func withTLS(l net.Listener, files TLSFiles, log *slog.Logger) (net.Listener, error) {
	certificate, err := newFresh(log, []string{files.Cert, files.Key}, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, fmt.Errorf("spec.admin.tls: %w", err)
		}
		return &pair, nil
	})
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return certificate.get(time.Now()), nil
		},
	}), nil
}
