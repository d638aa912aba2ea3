package redis

import (
	"strings"
	"testing"
)

func FuzzOpenPin(f *testing.F) {
	for _, text := range []string{"", "1:blue", "0:x", "00:x", "ffffffffffffffff:x", ":x", "1:", "g:x", "1:a:b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := openPin(text)
		if !ok {
			if value != "" {
				t.Errorf("%q is refused and yields %q", text, value)
			}
			return
		}
		epoch := strings.TrimSuffix(strings.TrimSuffix(text, value), ":")
		if value == "" || epoch+":"+value != text || len(epoch) > 16 || strings.Trim(epoch, "0123456789abcdef") != "" {
			t.Errorf("%q was taken for %q", text, value)
		}
	})
}
