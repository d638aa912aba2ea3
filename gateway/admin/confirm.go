package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
)

type confirmation struct{ Body api.Confirmation }

func (s *Server) registerConfig(h huma.API) {
	op := operation("confirmRemoval", http.MethodPost, "/config/confirm", Operator, "Let a pending removal of tenants happen")
	op.MaxBodyBytes = 4 << 10
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed)
	huma.Register(h, op, s.confirmRemoval)
}

// confirmRemoval takes the digest as its precondition: who confirms has seen that list. The
// first characters of it are enough, as with commit ids.
func (s *Server) confirmRemoval(ctx context.Context, in *confirmation) (*body[api.Confirmed], error) {
	if !actorFrom(ctx).everything() {
		return nil, huma.Error403Forbidden("your token is for some tenants, a removal is of any: ask somebody who may change all")
	}
	pending := s.config.Gateway.Snapshot().Pending
	if pending == nil {
		return nil, huma.Error409Conflict("no removal waits for a confirmation")
	}
	if !strings.HasPrefix(pending.Digest, in.Body.Digest) {
		return nil, huma.Error412PreconditionFailed(fmt.Sprintf("the pending removal is %s (%d tenants), not %s: look at it with `sluice status`", pending.Digest, len(pending.Tenants), in.Body.Digest))
	}
	if err := s.noted(ctx, order{operation: "confirmRemoval", target: pending.Digest, reason: in.Body.Reason, body: pending.Tenants}); err != nil {
		return nil, err
	}
	removed, err := s.config.Gateway.Confirm(ctx, pending.Digest)
	if err != nil {
		return nil, huma.Error409Conflict("the removal was not confirmed: " + err.Error())
	}
	return &body[api.Confirmed]{api.Confirmed{Digest: pending.Digest, Removed: removed}}, nil
}
