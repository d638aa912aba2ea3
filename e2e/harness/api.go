package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// API is the admin API of a gateway, as its owner sees it: by the socket in its data folder.
type API struct{ client *http.Client }

// API returns it. Nothing is sent yet.
func (g *Gateway) API() *API {
	socket := g.Path("data/admin.sock")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: Patience}).DialContext(ctx, "unix", socket)
	}
	// Connections are not kept: the gateway may be another one after a restart.
	return &API{client: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 2 * Patience}}
}

const apiPrefix = "http://localhost/api/v1"

// Do sends a body as JSON, unless it is nil, with header lines "Name: value".
func (a *API) Do(ctx context.Context, method, path string, body any, header ...string) (Reply, error) {
	request, err := a.request(ctx, method, path, body, header)
	if err != nil {
		return Reply{}, err
	}
	return TryDo(a.client, request)
}

func (a *API) request(ctx context.Context, method, path string, body any, header []string) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, apiPrefix+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	return request, nil
}

// Get reads a document.
func (a *API) Get(ctx context.Context, path string, into any) error {
	reply, err := a.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if reply.Status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %.300s", path, reply.Status, reply.Body)
	}
	return json.Unmarshal([]byte(reply.Body), into)
}

// Tag is the ETag of what a path describes.
func (a *API) Tag(ctx context.Context, path string) (string, error) {
	reply, err := a.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", err
	}
	if tag := reply.Header.Get("ETag"); reply.Status == http.StatusOK && tag != "" {
		return tag, nil
	}
	return "", fmt.Errorf("GET %s: %d, ETag %q, %.200s", path, reply.Status, reply.Header.Get("ETag"), reply.Body)
}

// Write is WriteTo for what concerns a tenant.
func (a *API) Write(ctx context.Context, method, path, tenant string, body any, header ...string) (Reply, error) {
	return a.WriteTo(ctx, method, path, "/tenants/"+tenant, body, header...)
}

// WriteTo sends a write against the state that another path describes; when somebody else was
// faster it looks again.
func (a *API) WriteTo(ctx context.Context, method, path, state string, body any, header ...string) (Reply, error) {
	for deadline := time.Now().Add(Patience); ; {
		tag, err := a.Tag(ctx, state)
		if err != nil {
			return Reply{}, err
		}
		reply, err := a.Do(ctx, method, path, body, append([]string{"If-Match: " + tag}, header...)...)
		if err != nil || reply.Status != http.StatusPreconditionFailed || time.Now().After(deadline) {
			return reply, err
		}
	}
}
