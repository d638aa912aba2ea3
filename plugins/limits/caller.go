package limits

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// caller is who a request comes from, by all the names that budgets and rules may use.
type caller struct {
	client  string // "client:...", "session:..." or "address:..."
	key     string // of the credential alone, whoever uses it; "" without one
	user    string // "user:7"; "" when only Odoo knows
	address string // "address:192.0.2.7"
	session string // "session:..."; "" without one
	network netip.Prefix

	names []string // what rules may call it: client, key, uid, login

	// claim says that the client rests on a credential that Odoo has to accept first; proven
	// that it has done so lately, and proof is the name under which that is remembered.
	claim, proven bool
	proof         string
	// guessable says that the credential is short: that it was right must not show to who
	// tries many.
	guessable bool
}

// callerOf says who sent a tenant's request. What a client may write as it likes counts only
// where Odoo will check it: a made-up bearer token on a public page is nobody's.
func (l *Limits) callerOf(r *http.Request, x *routing.Exchange) *caller {
	c := l.callerAt(x.Client, defaultIPv6)
	switch {
	case x.Credential != "" && carriesKey(x.RPC):
		l.rpcCaller(c, x)
	case x.Class == odoo.RPC && l.headerCaller(c, r.Header, x.Tenant.Name):
	case x.SessionKey != "" && len(x.Tenant.Limits) > 0: // else nobody asks who it is
		l.sessionCaller(c, x)
	}
	return c
}

// defaultIPv6 is the network of an address where no policy says otherwise.
const defaultIPv6 = 64

func (l *Limits) callerAt(client netip.Addr, ipv6 int) *caller {
	c := &caller{network: routing.Network(client, ipv6)}
	c.address = addressKey(c.network)
	c.client = c.address
	return c
}

// addressKey names an address: networks of one address as the address alone.
func addressKey(p netip.Prefix) string {
	if p.IsValid() && p.IsSingleIP() {
		return "address:" + p.Addr().String()
	}
	return "address:" + p.String()
}

// carriesKey names the calls whose credential says who the client is. A browser's sign-in does
// not: each wrong password would be another client.
func carriesKey(call odoo.Call) bool {
	return call.Service == "object" || (call.Service == "common" && call.SignsIn())
}

// rpcCaller is who an XML-RPC or JSON-RPC call says that it is.
func (l *Limits) rpcCaller(c *caller, x *routing.Exchange) {
	who := "uid:" + x.RPC.UID
	if x.RPC.Login != "" {
		who = "login:" + x.RPC.Login
	}
	c.key = "key:" + x.Credential
	c.client = "client:" + l.prints.of("client", x.Tenant.Name, x.RPC.Database, who, x.Credential)
	if x.RPC.UID != "" {
		c.user = "user:" + x.RPC.UID
	} else if x.RPC.Login != "" {
		c.user = "user:" + l.prints.of("login", x.Tenant.Name, x.RPC.Login)
	}
	c.names = []string{c.client, c.key, who}
	l.claim(c, c.client, x.Guessable)
}

// headerCaller is who a bearer token, a password or a key in the headers stands for.
func (l *Limits) headerCaller(c *caller, h http.Header, scope string) bool {
	user, credential := headerCredential(h)
	if credential == "" {
		return false
	}
	print := l.Fingerprint([]byte(credential))
	c.key = "key:" + print
	c.client = "client:" + l.prints.of("header", scope, user, print)
	c.names = []string{c.client, c.key}
	if user != "" {
		c.names = append(c.names, "login:"+user)
	}
	l.claim(c, c.client, Guessable(len(credential)))
	return true
}

// claim notes that the caller rests on a credential, remembered under a name. A password has
// proven itself at its address only: from elsewhere the same one may be a lucky guess.
func (l *Limits) claim(c *caller, proof string, guessable bool) {
	if guessable {
		proof += " at " + c.address
	}
	c.claim, c.proof, c.proven, c.guessable = true, proof, l.known.has(proof, l.now()), guessable
}

// Guessable tells whether a credential of that length may be found by trying. API keys of Odoo
// have 40 letters.
func Guessable(length int) bool { return length < 32 }

// keyCaller finds the key of a request whose policy asks for one: in the headers, or in the
// path of a webhook. Who the client is stays as it was.
func (l *Limits) keyCaller(c *caller, h http.Header, x *routing.Exchange) {
	_, credential := headerCredential(h)
	if credential == "" {
		credential = odoo.HookToken(x.Path)
	}
	if credential == "" {
		return
	}
	c.key = "key:" + l.Fingerprint([]byte(credential))
	c.names = append(c.names, c.key)
	l.claim(c, x.Tenant.Name+" "+c.key, Guessable(len(credential)))
}

// maxHeaderCredential bounds what is hashed.
const maxHeaderCredential = 8 << 10

func headerCredential(h http.Header) (user, credential string) {
	scheme, rest, _ := strings.Cut(h.Get("Authorization"), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case len(rest) > maxHeaderCredential:
		return "", ""
	case strings.EqualFold(scheme, "bearer"):
		return "", rest
	case strings.EqualFold(scheme, "basic"):
		if plain, err := base64.StdEncoding.DecodeString(rest); err == nil {
			user, credential, _ = strings.Cut(string(plain), ":")
			return user, credential
		}
	}
	if key := h.Get("X-Api-Key"); len(key) <= maxHeaderCredential {
		return "", key
	}
	return "", ""
}

// sessionCaller is a browser. A session that Odoo has not shown to know is still the address:
// ids can be made up.
func (l *Limits) sessionCaller(c *caller, x *routing.Exchange) {
	c.session = "session:" + l.prints.of("session", x.Tenant.Name, x.SessionKey)
	if l.known.has(c.session, l.now()) {
		c.client = c.session
	}
}

// keyOf is the budget of a policy that the caller is charged to.
func (c *caller) keyOf(p *routing.LimitPolicy, x *routing.Exchange, name string) string {
	switch p.By {
	case routing.ByTenant:
		return "tenant"
	case routing.ByMethod:
		if name == "" {
			return "method:" + string(x.Class)
		}
		return "method:" + name
	case routing.ByAddress:
		return c.addressFor(p, x)
	case routing.ByKey:
		if c.key != "" {
			return c.key
		}
	case routing.ByUser:
		if c.user != "" {
			return c.user
		}
	case routing.ByClient:
	}
	if c.client == c.address {
		return c.addressFor(p, x)
	}
	return c.client
}

func (c *caller) addressFor(p *routing.LimitPolicy, x *routing.Exchange) string {
	if p.IPv6Prefix == defaultIPv6 || p.IPv6Prefix == 0 || !c.network.Addr().Is6() {
		return c.address
	}
	return addressKey(routing.Network(x.Client, p.IPv6Prefix))
}
