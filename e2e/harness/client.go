package harness

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

func dialTo(dialer *net.Dialer, addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, addr)
	}
}

// TLSClient is Client over TLS; with h2, over HTTP/2.
func TLSClient(addr string, config *tls.Config, h2 bool) *http.Client {
	transport := &http.Transport{
		DialContext:     dialTo(&net.Dialer{Timeout: Patience}, addr),
		TLSClientConfig: config, ForceAttemptHTTP2: h2, DisableCompression: true,
	}
	return &http.Client{Transport: transport, Timeout: 3 * time.Minute, CheckRedirect: noRedirect}
}

// HTTP3Client speaks QUIC to the address.
func HTTP3Client(t testing.TB, addr string, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http3.Transport{
		TLSClientConfig: config,
		Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, quicConfig *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, addr, tlsConfig, quicConfig)
		},
	}
	t.Cleanup(func() { transport.Close() })
	return &http.Client{Transport: transport, Timeout: Patience, CheckRedirect: noRedirect}
}

// Reply is a whole answer.
type Reply struct {
	Status int
	Proto  string
	Header http.Header
	Body   string
}

// Do sends a request and reads the whole answer.
func Do(t testing.TB, client *http.Client, request *http.Request) Reply {
	t.Helper()
	reply, err := TryDo(client, request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	return reply
}

// TryDo is Do for those who expect errors.
func TryDo(client *http.Client, request *http.Request) (Reply, error) {
	answer, err := client.Do(request)
	if err != nil {
		return Reply{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return Reply{Status: answer.StatusCode, Proto: answer.Proto, Header: answer.Header, Body: string(body)}, err
}

// Get fetches a URL with header lines "Name: value".
func Get(t testing.TB, client *http.Client, url string, header ...string) Reply {
	t.Helper()
	return Do(t, client, NewRequest(t, http.MethodGet, url, "", header...))
}

// Post sends a body of the content type with header lines "Name: value".
func Post(t testing.TB, client *http.Client, url, contentType, body string, header ...string) Reply {
	t.Helper()
	return Do(t, client, NewRequest(t, http.MethodPost, url, body, append(header, "Content-Type: "+contentType)...))
}

// NewRequest makes a request with header lines "Name: value".
func NewRequest(t testing.TB, method, url, body string, header ...string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	return request
}

// WebSocket opens a websocket as a browser does: with the page's origin.
func WebSocket(ctx context.Context, addr, host, path string, header http.Header) (*websocket.Conn, *http.Response, error) {
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Origin") == "" {
		header.Set("Origin", "http://"+host)
	}
	client := Client(addr)
	client.Timeout = 0
	return websocket.Dial(ctx, "ws://"+host+path, &websocket.DialOptions{HTTPClient: client, HTTPHeader: header})
}
