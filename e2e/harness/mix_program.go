package harness

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// program is an integration: it has no session, and calls what it is given.
type program struct {
	*client

	login string
	uid   int
	turn  int
}

func (p *program) work(ctx context.Context) {
	for ctx.Err() == nil {
		p.turn++
		switch p.turn % 4 {
		case 0:
			p.xml()
		case 1:
			p.json()
		case 2:
			p.hook()
		default:
			p.version()
		}
		p.pause(ctx, 2*p.mix.Pause)
	}
}

// carries wants an RPC's answer to hold a text and no fault.
func carries(sign string) func(Reply) string {
	return func(reply Reply) string {
		if reply.Status == http.StatusOK && strings.Contains(reply.Body, sign) && !strings.Contains(reply.Body, "<fault>") {
			return ""
		}
		return describe(reply)
	}
}

func (p *program) xml() {
	token := p.mix.token()
	body := `<?xml version="1.0"?><methodCall><methodName>execute_kw</methodName><params>` +
		xmlParam("<string>"+p.mix.Database+"</string>") + xmlParam(fmt.Sprintf("<int>%d</int>", p.uid)) +
		xmlParam("<string>"+p.login+"</string>") + xmlParam("<string>res.partner</string>") + xmlParam("<string>create</string>") +
		xmlParam("<array><data><value><struct>"+
			"<member><name>name</name><value><string>x</string></value></member>"+
			"<member><name>marker</name><value><string>"+token+"</string></value></member>"+
			"</struct></value></data></array>") + `</params></methodCall>`
	p.do(errand{
		what: "xmlrpc", method: http.MethodPost, path: "/xmlrpc/2/object", body: body, token: token,
		header: []string{"Content-Type: text/xml"}, wrong: carries("<int>"),
	})
}

func xmlParam(value string) string { return "<param><value>" + value + "</value></param>" }

func (p *program) json() {
	token := p.mix.token()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"call","params":{"service":"object","method":"execute_kw",`+
		`"args":[%q,%d,%q,"res.partner","create",[{"name":"x","marker":%q}]]}}`, p.mix.Database, p.uid, p.login, token)
	p.do(errand{
		what: "jsonrpc", method: http.MethodPost, path: "/jsonrpc", body: body, token: token,
		header: []string{jsonType}, wrong: carries(`"result"`),
	})
}

// hook is a payment provider or a shop that tells of something.
func (p *program) hook() {
	token := p.mix.token()
	p.do(errand{
		what: "hook", method: http.MethodPost, path: "/web/hook/shop", body: url.Values{"marker": {token}}.Encode(), token: token,
		header: []string{formType}, wrong: carries("ok"),
	})
}

func (p *program) version() {
	p.do(errand{
		what: "version", method: http.MethodPost, path: "/xmlrpc/2/common", header: []string{"Content-Type: text/xml"},
		body:  `<?xml version="1.0"?><methodCall><methodName>version</methodName><params></params></methodCall>`,
		wrong: carries("server_serie"),
	})
}
