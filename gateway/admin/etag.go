package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// etag is the strong entity tag of a declared resource. It covers the digest of what was
// declared, so that a change that the body does not show (a key, say) makes a write's
// If-Match stale too, and the body itself.
func etag(digest string, body any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	hash.Write([]byte(digest))
	hash.Write([]byte{0})
	hash.Write(text)
	return `"` + hex.EncodeToString(hash.Sum(nil)[:16]) + `"`, nil
}

// declared is the answer of a GET of a declared resource.
type declared[T any] struct {
	ETag string `header:"ETag" doc:"Strong entity tag, for If-Match and If-None-Match"`
	Body T
}

// reply is 304 when the caller already has it.
func reply[T any](tag string, body T, ifNoneMatch string) (*declared[T], error) {
	if matches(ifNoneMatch, tag) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), map[string][]string{"ETag": {tag}})
	}
	return &declared[T]{ETag: tag, Body: body}, nil
}

// matches compares weakly, as If-None-Match does (RFC 9110, 13.1.2).
func matches(ifNoneMatch, tag string) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == tag {
			return true
		}
	}
	return false
}
