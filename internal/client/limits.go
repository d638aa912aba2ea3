package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"sluicegate.dev/sluice/gateway/admin/api"
)

func limitsPath(tenant string) string { return "/tenants/" + url.PathEscape(tenant) + "/limits" }

// LimitClients are the clients of a tenant that asked most lately.
func (c *Client) LimitClients(ctx context.Context, tenant string, top int) ([]api.LimitClient, error) {
	list, err := get[api.LimitClients](ctx, c, fmt.Sprintf("%s?top=%d", limitsPath(tenant), top))
	return list.Clients, err
}

// LimitClient is one of them.
func (c *Client) LimitClient(ctx context.Context, tenant, client string) (api.LimitClient, error) {
	return get[api.LimitClient](ctx, c, limitsPath(tenant)+"/client?client="+url.QueryEscape(client))
}

// BlockClient refuses a client for a while, or lifts a block.
func (c *Client) BlockClient(ctx context.Context, tenant string, in api.LimitBlock) (api.LimitDone, error) {
	return post[api.LimitDone](ctx, c, limitsPath(tenant)+"/block", in)
}

// ResetClient forgets what a client has spent.
func (c *Client) ResetClient(ctx context.Context, tenant string, in api.LimitReset) (api.LimitDone, error) {
	return post[api.LimitDone](ctx, c, limitsPath(tenant)+"/reset", in)
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	text, err := json.Marshal(in)
	if err != nil {
		var none T
		return none, err
	}
	return do[T](ctx, c, http.MethodPost, api.Prefix+path, bytes.NewReader(text))
}
