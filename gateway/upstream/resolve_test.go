package upstream

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestNamesKeepTheirLastGoodAddresses(t *testing.T) {
	one, two := []netip.Addr{netip.MustParseAddr("10.0.0.1")}, []netip.Addr{netip.MustParseAddr("10.0.0.2")}
	type step struct {
		after   time.Duration
		answer  []netip.Addr // nil: an error
		want    []netip.Addr // nil: an error
		lookups int
	}
	for name, steps := range map[string][]step{
		"unknown at first":                 {{0, nil, nil, 1}, {0, one, one, 2}},
		"fresh ones are not asked for":     {{0, one, one, 1}, {4 * time.Second, two, one, 1}},
		"older ones are":                   {{0, one, one, 1}, {6 * time.Second, two, two, 2}},
		"a failure keeps what was known":   {{0, one, one, 1}, {6 * time.Second, nil, one, 2}, {time.Second, two, one, 2}, {5 * time.Second, two, two, 3}},
		"an empty answer keeps it as well": {{0, one, one, 1}, {6 * time.Second, []netip.Addr{}, one, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			now, lookups := time.Now(), 0
			n := newName("odoo")
			for i, s := range steps {
				now = now.Add(s.after)
				n.lookup = func(context.Context, string) ([]netip.Addr, error) {
					lookups++
					if s.answer == nil {
						return nil, errors.New("no such host")
					}
					return s.answer, nil
				}
				got, err := n.addresses(context.Background(), now)
				if !slices.Equal(got, s.want) || (err != nil) != (s.want == nil) || lookups != s.lookups {
					t.Errorf("step %d: got %v, %v after %d look-ups; want %v after %d", i, got, err, lookups, s.want, s.lookups)
				}
			}
		})
	}
}

func TestAnAddressIsNeverLookedUp(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		n := newName(host)
		if got, err := n.addresses(context.Background(), time.Now()); err != nil || len(got) != 1 || n.lookup != nil {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
}

func TestTheNextAddressIsTriedWhenOneRefuses(t *testing.T) {
	worker := startWorker(t, say(ok, false))
	at := netip.MustParseAddrPort(worker.Addr().String())
	n := newName("odoo")
	n.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.254"), at.Addr(), netip.MustParseAddr("169.254.169.254")}, nil
	}
	port := worker.url()[len("http://127.0.0.1:"):]
	for range 3 {
		c, err := n.dial(context.Background(), newDialer(nil, nil), port, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.RemoteAddr().String(); got != at.String() {
			t.Errorf("connected to %s", got)
		}
		c.Close()
	}
}
