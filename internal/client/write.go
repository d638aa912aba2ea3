package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// change is a write that is sent with all care: against the state that was seen, and under a
// key that makes sending it twice the same as sending it once.
type change struct {
	method, path string
	in           any
	seen         string // ETag of what was seen; empty: no state is at stake
}

// Tag is the ETag of the state at a path, for the write that follows.
func (c *Client) tag(ctx context.Context, path string) (string, error) {
	response, err := c.send(ctx, http.MethodGet, api.Prefix+path, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return "", c.unreachable(err)
	case response.StatusCode >= 300:
		return "", refused(c.target, response, text)
	case response.Header.Get("ETag") == "":
		return "", fmt.Errorf("%s names no ETag for %s: is it an older version than this command?", c.target, path)
	}
	return response.Header.Get("ETag"), nil
}

// put sends a write. When the connection breaks before the answer is there, it is sent once
// more: under the same key that is the same write.
func put[T any](ctx context.Context, c *Client, w change) (T, error) {
	var none T
	text, err := json.Marshal(w.in)
	if err != nil {
		return none, err
	}
	header := http.Header{"Idempotency-Key": {strings.ToLower(rand.Text())}}
	if w.seen != "" {
		header.Set("If-Match", w.seen)
	}
	answer, err := sent[T](ctx, c, w, header, text)
	if brokeOff(err) {
		answer, err = sent[T](ctx, c, w, header, text)
	}
	return answer, err
}

func sent[T any](ctx context.Context, c *Client, w change, header http.Header, text []byte) (T, error) {
	return doWith[T](ctx, c, w.method, api.Prefix+w.path, header, bytes.NewReader(text))
}

// brokeOff tells whether a gateway was there, and went away in the middle.
func brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err != nil && strings.Contains(err.Error(), "connection reset")
}
