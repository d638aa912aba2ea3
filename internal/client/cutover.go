package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// Care is how careful a write is.
type Care struct {
	DryRun bool
	Seen   string // ETag of the state that the decision rests on
}

func (k Care) at(path string) string {
	if k.DryRun {
		return path + "?dryRun=true"
	}
	return path
}

func tenantPath(name string) string  { return "/tenants/" + url.PathEscape(name) }
func cutoverPath(id string) string   { return "/cutovers/" + url.PathEscape(id) }
func poolPath(name string) string    { return "/pools/" + url.PathEscape(name) }
func query(key, value string) string { return "?" + key + "=" + url.QueryEscape(value) }

func (c *Client) change(ctx context.Context, method, path string, in any, care Care) (api.Change, error) {
	return put[api.Change](ctx, c, change{method: method, path: care.at(path), in: in, seen: care.Seen})
}

func (c *Client) tell(ctx context.Context, path string, in any, care Care) (api.CutoverChange, error) {
	return put[api.CutoverChange](ctx, c, change{method: http.MethodPost, path: care.at(path), in: in, seen: care.Seen})
}

// TenantTag is the state of a tenant that a decision about it rests on.
func (c *Client) TenantTag(ctx context.Context, tenant string) (string, error) {
	return c.tag(ctx, tenantPath(tenant))
}

// PoolTag is the state of a pool that a decision about it rests on.
func (c *Client) PoolTag(ctx context.Context, pool string) (string, error) {
	return c.tag(ctx, poolPath(pool))
}

// StartCutover moves a tenant.
func (c *Client) StartCutover(ctx context.Context, tenant string, in api.CutoverRequest, care Care) (api.CutoverChange, error) {
	return c.tell(ctx, tenantPath(tenant)+"/cutovers", in, care)
}

// TellCutover says something to a running cutover: promote, pause, resume, abort, confirm.
func (c *Client) TellCutover(ctx context.Context, id, word string, in any, care Care) (api.CutoverChange, error) {
	return c.tell(ctx, cutoverPath(id)+"/"+word, in, care)
}

// Cutovers are those that run.
func (c *Client) Cutovers(ctx context.Context) ([]api.Cutover, error) {
	list, err := get[api.CutoverList](ctx, c, "/cutovers")
	return list.Cutovers, err
}

// TenantCutovers are those of a tenant, ended ones too.
func (c *Client) TenantCutovers(ctx context.Context, tenant string) ([]api.Cutover, error) {
	list, err := get[api.CutoverList](ctx, c, tenantPath(tenant)+"/cutovers")
	return list.Cutovers, err
}

// Cutover is one cutover, as it stands now.
func (c *Client) Cutover(ctx context.Context, id string) (api.Cutover, error) {
	return get[api.Cutover](ctx, c, cutoverPath(id))
}

// CutoverEvents calls heard for what happens to a cutover, from the event after last on, until
// the gateway ends the stream. There is one each second at least.
func (c *Client) CutoverEvents(ctx context.Context, id, last string, heard func(Event) error) error {
	return c.stream(ctx, cutoverPath(id)+"/events", last, heard)
}

// CutoverReport is the report of a cutover that has ended, as JSON or as Markdown.
func (c *Client) CutoverReport(ctx context.Context, id string, markdown bool) ([]byte, error) {
	kind := "application/json"
	if markdown {
		kind = "text/markdown"
	}
	return c.text(ctx, cutoverPath(id)+"/report", kind)
}

// SetHold holds a tenant's requests.
func (c *Client) SetHold(ctx context.Context, tenant string, in api.HoldRequest, care Care) (api.Change, error) {
	return c.change(ctx, http.MethodPut, tenantPath(tenant)+"/hold", in, care)
}

// EndHold lets them go on.
func (c *Client) EndHold(ctx context.Context, tenant string, in api.ReasonOnly, care Care) (api.Change, error) {
	return c.change(ctx, http.MethodDelete, tenantPath(tenant)+"/hold", in, care)
}

// SetMaintenance puts the maintenance page up.
func (c *Client) SetMaintenance(ctx context.Context, tenant string, in api.MaintenanceRequest, care Care) (api.Change, error) {
	return c.change(ctx, http.MethodPut, tenantPath(tenant)+"/maintenance", in, care)
}

// EndMaintenance takes it down.
func (c *Client) EndMaintenance(ctx context.Context, tenant string, in api.ReasonOnly, care Care) (api.Change, error) {
	return c.change(ctx, http.MethodDelete, tenantPath(tenant)+"/maintenance", in, care)
}

// SetBackend says whether a backend gets requests.
func (c *Client) SetBackend(ctx context.Context, pool, backend string, in api.BackendStateRequest, care Care) (api.Change, error) {
	return c.change(ctx, http.MethodPut, poolPath(pool)+"/backends/"+url.PathEscape(backend)+"/state", in, care)
}

// Evict says that a gateway is gone.
func (c *Client) Evict(ctx context.Context, tenant, replica string, in api.ReasonOnly, care Care) (api.Change, error) {
	return c.change(ctx, http.MethodPost, tenantPath(tenant)+"/replicas/"+url.PathEscape(replica)+"/evict", in, care)
}

// Wait waits until something is so with a tenant, for a time at most, and says whether it is:
// not yet, or nobody knows, is an answer too.
func (c *Client) Wait(ctx context.Context, tenant, until string, most time.Duration) (api.Waited, error) {
	var answer api.Waited
	path := tenantPath(tenant) + "/wait" + query("until", until) + "&timeout=" + url.QueryEscape(most.String())
	response, err := c.send(ctx, http.MethodGet, api.Prefix+path, nil)
	if err != nil {
		return answer, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer, c.unreachable(err)
	}
	said := strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") && json.Unmarshal(text, &answer) == nil
	if !said {
		return answer, refused(c.target, response, text)
	}
	return answer, nil
}

// Effective is what holds for a tenant, declared and decided at runtime.
func (c *Client) Effective(ctx context.Context, tenant string) (api.Effective, error) {
	return get[api.Effective](ctx, c, tenantPath(tenant)+"/effective")
}

// Overrides are all runtime changes in force.
func (c *Client) Overrides(ctx context.Context) ([]api.Override, error) {
	list, err := get[api.OverrideList](ctx, c, "/overrides")
	return list.Overrides, err
}

// Calendars are all calendars, and whether a cutover may begin now.
func (c *Client) Calendars(ctx context.Context) ([]api.Calendar, error) {
	list, err := get[api.CalendarList](ctx, c, "/calendars")
	return list.Calendars, err
}

// Audit is part of the audit log, newest first. A zero since takes the newest of all.
func (c *Client) Audit(ctx context.Context, tenant string, since time.Time, limit int) ([]api.AuditRecord, error) {
	q := url.Values{"limit": {fmt.Sprint(limit)}}
	if tenant != "" {
		q.Set("tenant", tenant)
	}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339))
	}
	list, err := get[api.AuditList](ctx, c, "/audit?"+q.Encode())
	return list.Records, err
}

// Export is the effective state as documents.
func (c *Client) Export(ctx context.Context, tenant string) ([]byte, error) {
	path := "/export"
	if tenant != "" {
		path += query("tenant", tenant)
	}
	return c.text(ctx, path, "application/yaml")
}

// text is an answer as it came.
func (c *Client) text(ctx context.Context, path, kind string) ([]byte, error) {
	response, err := c.sendWith(ctx, http.MethodGet, api.Prefix+path, http.Header{"Accept": {kind}}, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, c.unreachable(err)
	case response.StatusCode >= 300:
		return nil, refused(c.target, response, text)
	}
	return text, nil
}
