package entra

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// objectID is who a token is for: the name under which Azure Managed Redis knows the
// identity. The token is our own and comes from whom we asked; Redis checks its signature.
func objectID(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("the token is no JSON web token")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("the token's claims: %w", err)
	}
	var claims struct {
		ObjectID string `json:"oid"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", fmt.Errorf("the token's claims: %w", err)
	}
	if claims.ObjectID == "" {
		return "", errors.New("the token has no oid claim: it does not say which identity it is for")
	}
	return claims.ObjectID, nil
}
