package routing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Pin says which backend of a pool knows a session. It travels in a cookie of ours, so that
// it survives restarts and every replica that has the keys can read it. It holds names,
// never an address, and is signed for one tenant: a client can neither make one nor take it
// to another host.
type Pin struct {
	Pool    string
	Backend string
}

// PinKeys sign and verify pins. The first signs, all verify.
type PinKeys [][]byte

const (
	pinVersion = "1"
	pinMAC     = 16   // bytes of the HMAC that are kept
	maxPin     = 1024 // a longer cookie is not ours
)

// Seal returns the cookie's value: version, content, signature, between dots. It is empty
// without keys.
func (keys PinKeys) Seal(tenant string, p Pin) string {
	if len(keys) == 0 {
		return ""
	}
	content := pinVersion + "." + base64.RawURLEncoding.EncodeToString([]byte(p.Pool+"\x00"+p.Backend))
	return content + "." + base64.RawURLEncoding.EncodeToString(signPin(keys[0], tenant, content))
}

// Open reads a cookie's value. It is false for one that was not sealed for this tenant.
func (keys PinKeys) Open(tenant, value string) (Pin, bool) {
	end := strings.LastIndexByte(value, '.')
	if end < 0 || len(value) > maxPin {
		return Pin{}, false
	}
	content := value[:end]
	mac, err := base64.RawURLEncoding.DecodeString(value[end+1:])
	if err != nil || !keys.signed(tenant, content, mac) {
		return Pin{}, false
	}
	version, encoded, _ := strings.Cut(content, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	pool, backend, ok := strings.Cut(string(text), "\x00")
	if err != nil || version != pinVersion || !ok {
		return Pin{}, false
	}
	return Pin{pool, backend}, true
}

func (keys PinKeys) signed(tenant, content string, mac []byte) bool {
	for _, key := range keys {
		if hmac.Equal(mac, signPin(key, tenant, content)) {
			return true
		}
	}
	return false
}

func signPin(key []byte, tenant, content string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(tenant + "\x00" + content))
	return h.Sum(nil)[:pinMAC]
}
