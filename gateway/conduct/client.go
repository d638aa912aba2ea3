package conduct

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// What we tell a webhook, beside the body.
const (
	SignatureHeader = "X-Sluice-Signature" // "sha256=" and the HMAC of the body in hex
	KeyHeader       = "Idempotency-Key"    // the same for each repetition of one step
)

const (
	callLimit  = 30 * time.Second // of one call to the outside
	replyLimit = 64 << 10
)

// caller calls the outside: webhooks, and the page that says whether a standby is writable.
type caller struct {
	http *http.Client
	key  []byte // signs bodies
}

func newCaller(dial func(ctx context.Context, network, address string) (net.Conn, error), key []byte) *caller {
	return &caller{
		http: &http.Client{
			Transport: &http.Transport{
				DialContext: dial, TLSHandshakeTimeout: 10 * time.Second,
				DisableKeepAlives: true, MaxResponseHeaderBytes: 32 << 10,
			},
			// A redirect would lead a signed order to an address that nobody declared.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		key: key,
	}
}

// reply is what somebody outside said.
type reply struct {
	status int
	body   []byte
}

// post sends message as JSON, signed. id tells the receiver which step it belongs to.
func (c *caller) post(ctx context.Context, url, id string, message any) (reply, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return reply{}, fmt.Errorf("webhook: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return reply{}, fmt.Errorf("webhook: %w", err)
	}
	r.GetBody = nil // net/http must not send an order twice by itself, which it does with such a key
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(SignatureHeader, Sign(c.key, body))
	r.Header.Set(KeyHeader, id)
	return c.do(r)
}

func (c *caller) get(ctx context.Context, url string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return reply{}, fmt.Errorf("check: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	return c.do(r)
}

func (c *caller) do(r *http.Request) (reply, error) {
	r.Header.Set("User-Agent", "sluice-cutover")
	response, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, replyLimit))
	return reply{response.StatusCode, body}, err
}

// unsent says that a call failed before anything of it was sent: it may be repeated.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// Sign is the signature of a webhook's body: what the receiver compares with what it
// computes itself.
func Sign(key, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
