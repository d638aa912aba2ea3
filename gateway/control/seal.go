package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Keys seal records and verify them: the ring's keys for the purpose "control". The first
// seals, all verify.
type Keys [][]byte

const sealVersion = "1"

// Seal returns a value as it is kept. It cannot be taken for that of another name. It is nil
// without keys.
func (k Keys) Seal(kind, name string, value []byte) []byte {
	if len(k) == 0 {
		return nil
	}
	head := sealVersion + "." + base64.RawURLEncoding.EncodeToString(signature(k[0], kind, name, value)) + "."
	return append([]byte(head), value...)
}

// Open returns a value that was sealed under that name.
func (k Keys) Open(kind, name string, text []byte) (value []byte, ok bool) {
	parts := strings.SplitN(string(text), ".", 3)
	if len(parts) != 3 || parts[0] != sealVersion {
		return nil, false
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	value = []byte(parts[2])
	for _, key := range k {
		if err == nil && hmac.Equal(mac, signature(key, kind, name, value)) {
			return value, true
		}
	}
	return nil, false
}

func signature(key []byte, kind, name string, value []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("control\x00" + kind + "\x00" + name + "\x00"))
	h.Write(value)
	return h.Sum(nil)
}
