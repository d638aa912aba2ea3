package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// maxAnswer bounds what is read of one answer: 30 000 tenants are about 15 MB.
const maxAnswer = 256 << 20

// Client asks one gateway.
type Client struct {
	target Target
	base   string
	token  string
	http   *http.Client
}

// New makes a client for target. Files are read here; nothing is sent yet.
func New(target Target) (*Client, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
	}
	c := &Client{target: target, http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	if target.Server == "" {
		c.base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", target.Socket)
		}
		return c, nil
	}
	return c, c.overTCP(transport)
}

func (c *Client) overTCP(transport *http.Transport) error {
	server, err := url.Parse(c.target.Server)
	if err != nil || server.Host == "" || (server.Scheme != "http" && server.Scheme != "https") {
		return fmt.Errorf("server %q is no address: write it as https://HOST:PORT", c.target.Server)
	}
	if server.User != nil || server.RawQuery != "" || strings.Trim(server.Path, "/") != "" {
		return fmt.Errorf("server %q: only scheme, host and port belong there", server.Redacted())
	}
	c.base = server.Scheme + "://" + server.Host
	if c.token, err = readToken(c.target.TokenFile); err != nil {
		return err
	}
	transport.TLSClientConfig, err = tlsConfig(c.target.CAFile)
	return err
}

// noRedirect keeps a token from travelling to another host. The API never redirects.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Status is how the gateway is doing.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return get[api.Status](ctx, c, "/status")
}

// Tenants are all tenants, as declared.
func (c *Client) Tenants(ctx context.Context) ([]api.Tenant, error) {
	list, err := get[api.TenantList](ctx, c, "/tenants")
	return list.Tenants, err
}

// Tenant is one tenant, as declared.
func (c *Client) Tenant(ctx context.Context, name string) (api.Tenant, error) {
	return get[api.Tenant](ctx, c, "/tenants/"+url.PathEscape(name))
}

// TenantStatus is one tenant, as it is now.
func (c *Client) TenantStatus(ctx context.Context, name string) (api.TenantStatus, error) {
	return get[api.TenantStatus](ctx, c, "/tenants/"+url.PathEscape(name)+"/status")
}

// Pools are all pools, as declared.
func (c *Client) Pools(ctx context.Context) ([]api.Pool, error) {
	list, err := get[api.PoolList](ctx, c, "/pools")
	return list.Pools, err
}

// PoolStatuses are all pools, as they are now.
func (c *Client) PoolStatuses(ctx context.Context) ([]api.PoolStatus, error) {
	list, err := get[api.PoolStatusList](ctx, c, "/status/pools")
	return list.Pools, err
}

// Confirm lets the pending removal with that digest happen.
func (c *Client) Confirm(ctx context.Context, in api.Confirmation) (api.Confirmed, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return api.Confirmed{}, err
	}
	return do[api.Confirmed](ctx, c, http.MethodPost, api.Prefix+"/config/confirm", bytes.NewReader(text))
}

// TesterPass asks for a pass to one release of a tenant.
func (c *Client) TesterPass(ctx context.Context, tenant string, in api.TesterRequest) (api.TesterPass, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return api.TesterPass{}, err
	}
	return do[api.TesterPass](ctx, c, http.MethodPost, api.Prefix+"/tenants/"+url.PathEscape(tenant)+"/tester", bytes.NewReader(text))
}

// Probe asks /ping or /ready, which need no token. A gateway that is there but not ready is
// a Refused error with its reason.
func (c *Client) Probe(ctx context.Context, path string) error {
	response, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &Refused{Status: response.StatusCode, Detail: strings.TrimSpace(string(text))}
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return do[T](ctx, c, http.MethodGet, api.Prefix+path, nil)
}

func do[T any](ctx context.Context, c *Client, method, path string, body io.Reader) (T, error) {
	return doWith[T](ctx, c, method, path, nil, body)
}

func doWith[T any](ctx context.Context, c *Client, method, path string, header http.Header, body io.Reader) (T, error) {
	var answer T
	response, err := c.sendWith(ctx, method, path, header, body)
	if err != nil {
		return answer, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer, c.unreachable(err)
	}
	if response.StatusCode >= 300 {
		return answer, refused(c.target, response, text)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("%s answered something that is not the admin API: %w", c.target, err)
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	return c.sendWith(ctx, method, path, nil, body)
}

func (c *Client) sendWith(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("User-Agent", "sluice")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	return response, nil
}

// unreachable keeps a time-out of ours apart: it has an exit code of its own.
func (c *Client) unreachable(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // the address is named once, in our words
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s did not answer: %w", c.target, err)
	}
	return &Unreachable{Target: c.target, Err: err}
}
