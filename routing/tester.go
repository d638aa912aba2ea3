package routing

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Tester is a pass for one tenant that leads its holder to a release, whatever the pins say:
// to look at the new side before anybody else does.
type Tester struct {
	Release string
	Backend string // empty: any of the release
	Until   time.Time
}

const testerVersion = "t1"

func testerOf(tenant string) Bearer { return Bearer("tester\x00" + tenant) }

// SealTester returns the pass as a text, for one tenant. It is empty without keys.
func (keys PinKeys) SealTester(tenant string, t Tester) string {
	content := base64.RawURLEncoding.EncodeToString([]byte(t.Release + "\x00" + t.Backend))
	return keys.sign(testerOf(tenant), testerVersion+"."+strconv.FormatInt(t.Until.Unix(), 36)+"."+content)
}

// OpenTester reads a pass. It is false for one that is not of this tenant. Whether it is
// still good is for the caller to see.
func (keys PinKeys) OpenTester(tenant, value string) (Tester, bool) {
	content, ok := keys.verify(testerOf(tenant), value)
	version, rest, _ := strings.Cut(content, ".")
	digits, encoded, _ := strings.Cut(rest, ".")
	until, err := strconv.ParseInt(digits, 36, 64)
	if !ok || err != nil || version != testerVersion {
		return Tester{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	release, backend, two := strings.Cut(string(text), "\x00")
	if err != nil || !two {
		return Tester{}, false
	}
	return Tester{Release: release, Backend: backend, Until: time.Unix(until, 0)}, true
}
