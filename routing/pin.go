package routing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// Pin says where a session lives: on which release of its tenant, and on which backend of
// the release's pool. It holds names, never an address. Of two pins of a session the newer
// holds.
type Pin struct {
	Release string
	Pool    string
	Backend string
	// Epoch tells the newer of two pins: the cutover's step in the high 32 bits, the moves
	// of this one session in the low ones.
	Epoch uint64
	// Lot is the session's number in a split of the tenant, drawn once and kept over logins;
	// 0: none was drawn yet.
	Lot uint32
}

// epochShift is where the cutover's part of an epoch begins.
const epochShift = 32

// CutoverEpoch is the epoch of the cutover's step in which the pin was made.
func (p Pin) CutoverEpoch() uint32 { return uint32(p.Epoch >> epochShift) }

// In is the pin as of a cutover's step: later moves of this one session count from there.
func (p Pin) In(epoch uint32) Pin {
	if p.CutoverEpoch() < epoch {
		p.Epoch = uint64(epoch) << epochShift
	}
	return p
}

// Moved is the pin of the same session after a move to another place.
func (p Pin) Moved(release, pool, backend string) Pin {
	return Pin{Release: release, Pool: pool, Backend: backend, Epoch: p.Epoch + 1, Lot: p.Lot}
}

// At tells whether the pin names that place.
func (p Pin) At(release, pool, backend string) bool {
	return p.Release == release && p.Pool == pool && p.Backend == backend
}

// Prevailing picks between the store's record of a session and the cookie that the client
// brought: the newer one; at the same epoch the record, which all replicas share. So a store
// that was restored from an older state, or lost some, loses against the cookies.
func Prevailing(record Pin, recorded bool, cookie Pin, carried bool) (Pin, bool) {
	switch {
	case !recorded:
		return cookie, carried
	case carried && cookie.Epoch > record.Epoch:
		return cookie, true
	}
	return record, true
}

// PinKeys sign and verify pins. The first signs, all verify.
type PinKeys [][]byte

const (
	pinVersion = "3"
	pinBefore  = "2"  // without a lot; gateways of the version before make them
	pinMAC     = 16   // bytes of the HMAC that are kept
	maxPin     = 1024 // a longer text is not ours
)

// Bearer is who a sealed text is for. A pin in a cookie is a tenant's: a client can neither
// make one nor take it to another host. A pin in the store is one session's: who can write
// to the store cannot move a session with another one's record.
type Bearer string

// CookieOf is the bearer of a pin that a client brings.
func CookieOf(tenant string) Bearer { return Bearer("cookie\x00" + tenant) }

// RecordOf is the bearer of a pin that the store keeps.
func RecordOf(tenant, key string) Bearer { return Bearer("record\x00" + tenant + "\x00" + key) }

// Seal returns the pin as a text: version, epoch, content, signature, between dots. It is
// empty without keys. A pin without a lot is written as before, so that gateways of the version
// before read it.
func (keys PinKeys) Seal(bearer Bearer, p Pin) string {
	version, text := pinBefore, p.Release+"\x00"+p.Pool+"\x00"+p.Backend
	if p.Lot != 0 {
		version, text = pinVersion, text+"\x00"+strconv.FormatUint(uint64(p.Lot), 36)
	}
	content := base64.RawURLEncoding.EncodeToString([]byte(text))
	return keys.sign(bearer, version+"."+strconv.FormatUint(p.Epoch, 36)+"."+content)
}

// Open reads a sealed text. It is false for one that was not sealed for this bearer.
func (keys PinKeys) Open(bearer Bearer, value string) (Pin, bool) {
	content, ok := keys.verify(bearer, value)
	version, rest, _ := strings.Cut(content, ".")
	digits, encoded, _ := strings.Cut(rest, ".")
	epoch, err := strconv.ParseUint(digits, 36, 64)
	if !ok || err != nil {
		return Pin{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return Pin{}, false
	}
	parts := strings.Split(string(text), "\x00")
	lot := uint64(0)
	switch {
	case version == pinBefore && len(parts) == 3:
	case version == pinVersion && len(parts) == 4:
		if lot, err = strconv.ParseUint(parts[3], 36, 32); err != nil || lot == 0 {
			return Pin{}, false
		}
	default:
		return Pin{}, false
	}
	return Pin{Release: parts[0], Pool: parts[1], Backend: parts[2], Epoch: epoch, Lot: uint32(lot)}, true
}

// sign appends the signature of the first key.
func (keys PinKeys) sign(bearer Bearer, content string) string {
	if len(keys) == 0 {
		return ""
	}
	return content + "." + base64.RawURLEncoding.EncodeToString(signature(keys[0], bearer, content))
}

// verify returns what stands before the signature, and whether one of the keys made that.
func (keys PinKeys) verify(bearer Bearer, value string) (content string, ok bool) {
	end := strings.LastIndexByte(value, '.')
	if end < 0 || len(value) > maxPin {
		return "", false
	}
	content = value[:end]
	mac, err := base64.RawURLEncoding.DecodeString(value[end+1:])
	if err != nil || base64.RawURLEncoding.EncodeToString(mac) != value[end+1:] {
		return "", false
	}
	for _, key := range keys {
		if hmac.Equal(mac, signature(key, bearer, content)) {
			return content, true
		}
	}
	return "", false
}

// SessionName is what a session is called in the store and in memory, under the key with
// that index: an HMAC of the stable part of Odoo's session id, which is as good as a
// password and is kept nowhere.
func (keys PinKeys) SessionName(index int, tenant, session string) string {
	return base64.RawURLEncoding.EncodeToString(signature(keys[index], Bearer("session\x00"+tenant), session))
}

func signature(key []byte, bearer Bearer, content string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(bearer))
	h.Write([]byte{0})
	h.Write([]byte(content))
	return h.Sum(nil)[:pinMAC]
}
