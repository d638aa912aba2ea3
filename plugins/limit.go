package plugins

import (
	"net/http"

	"sluicegate.dev/sluice/plugins/limits"
	"sluicegate.dev/sluice/routing/odoo"
)

// limit holds requests to the limits of their tenant. It comes last before the upstream: what a
// call costs stands in its body, and who pays in the credential that the body carries.
func (p *Path) limit(next http.Handler) http.Handler {
	if p.deps.Limits == nil {
		return next
	}
	return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
		visit, refused := p.deps.Limits.Enter(w, r, x)
		if refused != nil {
			answerError(w, r, x, &refusal{*refused})
			return
		}
		if visit != nil {
			// An aborted answer unwinds as a panic: what it taught and held must not be lost.
			defer func() { visit.Leave(w.Header()) }()
		}
		next.ServeHTTP(w, r)
	})
}

// printCredential has the scanner hand over the password or API key of a body, to be hashed at
// once and forgotten.
func (p *Path) printCredential(x *exchange, scanner *odoo.Scanner) {
	if p.deps.Limits == nil {
		return
	}
	scanner.Credential = func(secret []byte) {
		if len(secret) > 0 {
			x.Credential, x.Guessable = p.deps.Limits.Fingerprint(secret), limits.Guessable(len(secret))
		}
	}
}
