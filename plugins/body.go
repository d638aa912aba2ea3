package plugins

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// checkDatabase reads the bodies in which Odoo looks for a database name (XML-RPC,
// JSON-RPC, the JSON and form logins) and refuses those that name another tenant's. Odoo
// itself does not: its dbfilter does not cover RPC. The body is spooled while it is read,
// so that nothing reaches Odoo before the decision; a scanner that has seen enough to
// refuse ends the read there.
func (p *Path) checkDatabase(next http.Handler) http.Handler {
	return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
		scanner, ok := odoo.NewScannerFor(x.Path, r.Method, r.Header.Get("Content-Type"))
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		body, err := p.scan(x, r, scanner)
		if err != nil {
			answerError(w, r, x, err)
			return
		}
		defer body.Close()
		r.Body, r.ContentLength, r.TransferEncoding = body, body.Len(), nil
		next.ServeHTTP(w, r)
	})
}

// scan spools r's body through the scanner and judges what it says. The caller closes the
// body it returns.
func (p *Path) scan(x *exchange, r *http.Request, scanner *odoo.Scanner) (*spool.Body, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, refuse(http.StatusUnsupportedMediaType, "encoded_body", "Body encoding not supported",
			"Odoo reads plain request bodies only; send this one without Content-Encoding.")
	}
	p.printCredential(x, scanner)
	paced := deadline.NewReader(r.Body, deadline.FromContext(r.Context()))
	body, err := p.deps.Space.ReadBodyWithin(io.TeeReader(paced, scanner), r.ContentLength, x.Pool.MaxRequest)
	if err != nil {
		return nil, bodyRefusal(err)
	}
	call, err := scanner.Close()
	if err == nil {
		x.RPC = call
		err = judge(x.Route, call)
	}
	if err != nil {
		_ = body.Close()
		return nil, bodyRefusal(err)
	}
	return body, nil
}

// judge says whether the tenant may make that call.
func judge(route routing.Route, call odoo.Call) error {
	if call.Service == "db" && !route.Tenant.Manager {
		return refuse(http.StatusForbidden, "manager_closed", "Database service closed",
			"The db service of this site is closed.")
	}
	own := route.Release.Database
	if own == "" || call.Database == "" || call.Database == own {
		return nil
	}
	return refuse(http.StatusForbidden, "foreign_database", "Wrong database",
		"This host serves the database "+own+" only.")
}

// bodyRefusal says what was wrong with a body. It is the one place that turns a fault in a
// body into a status: a client's fault must never be a 5xx.
func bodyRefusal(err error) error {
	var (
		known     *refusal
		ambiguous *odoo.BodyError
	)
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &ambiguous):
		return refuse(http.StatusBadRequest, "bad_body", "Bad request", "The request body cannot be read: "+ambiguous.Reason+".")
	case errors.Is(err, spool.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "body_too_large", "Request too large", "The request body is larger than this gateway takes.")
	case errors.Is(err, spool.ErrNoSpace):
		return refuse(http.StatusServiceUnavailable, "no_space", "Busy", "The gateway has no room for this upload now. Try again in a moment.")
	default:
		return refuse(http.StatusBadRequest, "broken_body", "Bad request", "The request body ended early or was malformed.")
	}
}
