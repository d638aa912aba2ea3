package cli

import (
	"reflect"
	"testing"
	"time"
)

func TestFold(t *testing.T) {
	cases := map[string]struct {
		text  string
		width int
		want  []string
	}{
		"what fits stays on its line":             {"all is well", 40, []string{"  !! all is well"}},
		"what does not goes on below":             {"restart it, or say that it is gone", 30, []string{"  !! restart it, or say that", "     it is gone"}},
		"a word that is too long stands alone":    {"see /a/very/long/path/that/does/not/fit now", 30, []string{"  !! see", "     /a/very/long/path/that/does/not/fit", "     now"}},
		"without a width nothing is broken":       {"restart it, or say that it is gone", 0, []string{"  !! restart it, or say that it is gone"}},
		"nor on a terminal too narrow for a word": {"restart it, or say", 20, []string{"  !! restart it, or say"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := fold("  !! ", c.text, c.width); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 900 * time.Millisecond: "1 s", 45 * time.Second: "45 s", 4*time.Minute + 10*time.Second: "4 min 10 s",
		12 * time.Minute: "12 min", 2*time.Hour + 5*time.Minute + time.Second: "2 h 5 min", 3 * time.Hour: "3 h", 72 * time.Hour: "3 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
