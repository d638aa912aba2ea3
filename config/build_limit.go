package config

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
)

// Defaults of limits.
const (
	defaultIPv6Prefix      = 64 // what one line gets
	defaultUnverifiedRate  = 1  // a second
	defaultUnverifiedBurst = 30
	burstSeconds           = 10 // of the rate
	leastBurst             = 10

	defaultLoginFailures   = 6.0 / 60 // a second
	defaultAddressFailures = 30.0 / 60
	defaultLoginBurst      = 10
	defaultAddressBurst    = 100
)

// buildPolicy makes a policy of its document, which is whole.
func buildPolicy(r *Resource) *routing.LimitPolicy {
	s := r.Spec.(*LimitPolicySpec)
	p := &routing.LimitPolicy{
		Name: r.Name, Digest: r.Digest,
		By:          routing.LimitBy(or(s.By, string(routing.ByClient))),
		Costs:       s.Units == "cost",
		Weights:     weights(s.Costs),
		Quotas:      quotasOf(s.Quotas),
		Zone:        zoneOf(s.Quotas.TimeZone),
		Concurrency: s.Concurrency,
		Reserve:     s.Reserve,
		Strict:      s.Strict,
		Lease:       time.Duration(s.Lease),
		OnLoss:      routing.LimitLoss(or(s.OnStoreLoss, string(routing.LossLocalShare))),
		Shadow:      s.Shadow,
		Percent:     s.Percent,
		Headers:     routing.LimitHeaders(or(s.Headers, string(routing.HeadersAuto))),
		Unverified:  routing.UnverifiedLimit{Rate: defaultUnverifiedRate, Burst: or(s.Unverified.Burst, defaultUnverifiedBurst)},
		Allow:       s.Allow,
		Sources:     prefixes(s.Sources),
		MaxUnlink:   orNone(s.Caps.Unlink),
		MaxRead:     orNone(s.Caps.Read),
		IPv6Prefix:  or(s.IPv6Prefix, defaultIPv6Prefix),
	}
	if s.Rate != nil {
		p.Rate, p.Period, p.Burst = perSecond(*s.Rate), s.Rate.Per, or(s.Burst, burstOf(*s.Rate))
	}
	if s.Unverified.Rate != nil {
		p.Unverified.Rate = perSecond(*s.Unverified.Rate)
	}
	return p
}

func orNone(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

func burstOf(r Rate) int {
	return max(leastBurst, int(math.Ceil(burstSeconds*perSecond(r))))
}

// weights puts the most particular pattern first: the one with the most letters of its own.
func weights(costs map[string]int) []routing.CallWeight {
	var out []routing.CallWeight
	for _, pattern := range sortedKeys(costs) {
		out = append(out, routing.CallWeight{Pattern: pattern, Cost: costs[pattern]})
	}
	own := func(w routing.CallWeight) int { return len(w.Pattern) - strings.Count(w.Pattern, "*") }
	star := func(w routing.CallWeight) int { return min(1, strings.Count(w.Pattern, "*")) }
	slices.SortStableFunc(out, func(a, b routing.CallWeight) int {
		return cmp.Or(cmp.Compare(star(a), star(b)), cmp.Compare(own(b), own(a)))
	})
	return out
}

func quotasOf(s QuotaSpec) []routing.LimitQuota {
	var out []routing.LimitQuota
	for _, q := range []routing.LimitQuota{{Window: "hour", Limit: s.Hour}, {Window: "day", Limit: s.Day}, {Window: "month", Limit: s.Month}} {
		if q.Limit > 0 {
			out = append(out, q)
		}
	}
	return out
}

func zoneOf(name string) *time.Location {
	if zone, err := time.LoadLocation(name); err == nil {
		return zone
	}
	return time.UTC
}

// signInOf is how a tenant's sign-ins are protected: on, unless somebody says otherwise.
func signInOf(s *SignInSpec) routing.SignInLimit {
	out := routing.SignInLimit{
		Mode:     routing.SignInEnforce,
		PerLogin: defaultLoginFailures, LoginBurst: defaultLoginBurst,
		PerAddress: defaultAddressFailures, PlaceBurst: defaultAddressBurst,
	}
	if s == nil {
		return out
	}
	out.Mode = routing.SignInMode(or(s.Mode, string(out.Mode)))
	if s.PerLogin != nil {
		out.PerLogin = perSecond(*s.PerLogin)
	}
	if s.PerAddress != nil {
		out.PerAddress = perSecond(*s.PerAddress)
	}
	out.LoginBurst, out.PlaceBurst = or(s.LoginBurst, out.LoginBurst), or(s.AddressBurst, out.PlaceBurst)
	return out
}
