package plugins

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
)

const (
	pageText  = "This site is being maintained. It will be back soon. Nothing of your request was carried out."
	pageRetry = time.Minute
)

// exempt tells who sees the tenant behind its maintenance page: testers, and those networks
// that an operator has named.
func (s *session) exempt(p *routing.Page) bool {
	if s.tester != nil {
		return true
	}
	return slices.ContainsFunc(p.Allow, func(network string) bool { return networkHas(network, s.x.Client) })
}

// maintenance is the page that an operator has put up, or that a cutover needs. It has a problem
// type: Odoo's web client shows the words then, instead of trying again at once.
func maintenance(p *routing.Page) error {
	text, retry := p.Text, p.RetryAfter
	if text == "" {
		text = pageText
	}
	if retry <= 0 {
		retry = pageRetry
	}
	return &refusal{answer.Refusal{
		Status: http.StatusServiceUnavailable, Code: "maintenance", Title: "Maintenance",
		Detail: text, RetryAfter: retry, Type: answer.TypeNone,
	}}
}

// networkHas tells whether an address is in a network, or is it. What cannot be read lets
// nobody in.
func networkHas(network string, addr netip.Addr) bool {
	if prefix, err := netip.ParsePrefix(network); err == nil {
		return prefix.Contains(addr)
	}
	one, err := netip.ParseAddr(network)
	return err == nil && one == addr
}
