package report

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Keys seal reports and verify them: the ring's keys for the purpose "report". The first
// seals, all verify.
type Keys [][]byte

// What a report that cannot be read is.
var (
	ErrNone   = errors.New("it sends none: it may be of an older version")
	ErrForged = errors.New("it was not sealed with our key ring")
)

const version = "1"

// Seal returns a gateway's report as it travels.
func (k Keys) Seal(replica string, r Report) ([]byte, error) {
	if len(k) == 0 {
		return nil, errors.New("seal a report: there is no key")
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("seal a report: %w", err)
	}
	head := version + "." + base64.RawURLEncoding.EncodeToString(signature(k[0], replica, body)) + "."
	return append([]byte(head), body...), nil
}

// Open reads what a gateway sealed.
func (k Keys) Open(replica string, text []byte) (Report, error) {
	if len(text) == 0 {
		return Report{}, ErrNone
	}
	parts := strings.SplitN(string(text), ".", 3)
	if len(parts) != 3 || parts[0] != version {
		return Report{}, ErrForged
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	body := []byte(parts[2])
	if err != nil || !k.signed(replica, body, mac) {
		return Report{}, ErrForged
	}
	var r Report
	if err := json.Unmarshal(body, &r); err != nil {
		return Report{}, fmt.Errorf("it makes no sense: %w", err)
	}
	return r, nil
}

func (k Keys) signed(replica string, body, mac []byte) bool {
	for _, key := range k {
		if hmac.Equal(mac, signature(key, replica, body)) {
			return true
		}
	}
	return false
}

func signature(key []byte, replica string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("report\x00" + replica + "\x00"))
	h.Write(body)
	return h.Sum(nil)
}
