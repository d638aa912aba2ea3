package limits

import (
	"cmp"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// The fields of draft-ietf-httpapi-ratelimit-headers-11, as Structured Fields (RFC 9651).
const (
	limitField  = "Ratelimit"
	policyField = "Ratelimit-Policy"
)

// mostShown limits stand in an answer, the tightest ones.
const mostShown = 3

// shown is one limit as a client sees it.
type shown struct {
	level  ratelimit.Level
	name   string
	quota  int
	window int // seconds
	unit   string
	pk     string
	cost   int
	burst  int
	wait   int // seconds; 0 where the level says it
}

// announce puts the limits that are more than half spent on a good answer, or all of them
// where the policy says so.
func (v *Visit) announce(h http.Header, levels []ratelimit.Level) {
	var list []shown
	for _, p := range v.rules.policies {
		if p.Headers == routing.HeadersNever || p.Shadow {
			continue
		}
		for _, l := range levels {
			if l.Policy == p.Name && (p.Headers == routing.HeadersAlways || 2*l.Remaining < l.Limit) {
				list = append(list, v.show(p, l))
			}
		}
	}
	write(h, list)
}

// showRefusal puts the limits that refused on the answer, with when they would not.
func (v *Visit) showRefusal(h http.Header, levels []ratelimit.Level, violated []string, wait time.Duration) {
	var list []shown
	for _, p := range v.rules.policies {
		if p.Headers == routing.HeadersNever {
			continue
		}
		for _, l := range levels {
			if l.Policy != p.Name || p.Shadow {
				continue
			}
			s := v.show(p, l)
			if slices.Contains(violated, p.Name) && l.Remaining < s.cost {
				s.level.Remaining, s.wait = 0, int(wait/time.Second)
			}
			list = append(list, s)
		}
	}
	write(h, list)
}

// show is a level in the words of the draft. The names of a policy's several limits differ.
func (v *Visit) show(p *routing.LimitPolicy, l ratelimit.Level) shown {
	s := shown{level: l, name: l.Policy, quota: l.Limit, window: int(l.Window / time.Second), cost: 1}
	switch l.Kind {
	case ratelimit.Rate:
		s.window = max(1, s.window)
		s.quota = int(math.Round(p.Rate * float64(s.window)))
		s.burst = l.Limit
	case ratelimit.Windowed:
		s.name += "-" + windowName(l.Window)
	case ratelimit.Slots:
		s.name, s.unit, s.window = s.name+"-slots", "concurrent-requests", 0
	}
	if p.Costs && l.Kind != ratelimit.Slots {
		s.cost = p.Cost(v.x.RPC, v.name, v.x.Class)
	}
	s.pk = partition(v.caller.keyOf(p, v.x, v.name))
	return s
}

func windowName(window time.Duration) string {
	switch {
	case window <= time.Hour:
		return "hour"
	case window <= 24*time.Hour:
		return "day"
	default:
		return "month"
	}
}

// partition is the key of the budget as a byte sequence, where it is a fingerprint: a client
// sees that two of its programs share a budget, and nothing else.
func partition(key string) string {
	_, print, _ := strings.Cut(key, ":")
	raw, err := base32.HexEncoding.DecodeString(strings.ToUpper(print))
	if err != nil || len(raw) != printBytes {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw[:8])
}

func write(h http.Header, list []shown) {
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b shown) int {
		return cmp.Compare(a.left(), b.left())
	})
	list = list[:min(len(list), mostShown)]
	var limits, policies []string
	for _, s := range list {
		limits = append(limits, s.limit())
		policies = append(policies, s.policy())
	}
	h[limitField] = []string{strings.Join(limits, ", ")}
	h[policyField] = []string{strings.Join(policies, ", ")}
}

// left is the part that is left.
func (s *shown) left() float64 { return float64(s.level.Remaining) / float64(max(1, s.level.Limit)) }

func (s *shown) limit() string {
	t := s.wait
	if t == 0 {
		t = int((s.level.Reset + time.Second - 1) / time.Second)
	}
	return fmt.Sprintf("%q;r=%d;t=%d", s.name, max(0, s.level.Remaining), max(1, t)) + s.key()
}

func (s *shown) policy() string {
	out := fmt.Sprintf("%q;q=%d", s.name, s.quota)
	if s.unit != "" {
		out += fmt.Sprintf(";qu=%q", s.unit)
	}
	if s.window > 0 {
		out += fmt.Sprintf(";w=%d", s.window)
	}
	out += s.key()
	if s.burst > 0 {
		out += fmt.Sprintf(";sluice-burst=%d", s.burst)
	}
	if s.cost > 1 {
		out += fmt.Sprintf(";sluice-cost=%d", s.cost)
	}
	return out
}

func (s *shown) key() string {
	if s.pk == "" {
		return ""
	}
	return ";pk=:" + s.pk + ":"
}
