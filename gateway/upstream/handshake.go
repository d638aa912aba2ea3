package upstream

import (
	"bufio"
	"crypto/sha1" // RFC 6455 names it; it protects nothing
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// asksForSocket is true for requests that want to become a WebSocket. Upgrades to anything
// else are ignored, as RFC 9110 allows, and never reach a backend.
func asksForSocket(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 && hasToken(r.Header["Upgrade"], "websocket")
}

// serveSocket opens a WebSocket to the backend that the session's other requests go to. The
// handler returns once the socket is open; goroutines of its own carry the frames.
func (u *Upstream) serveSocket(w http.ResponseWriter, r *http.Request, x *routing.Exchange) {
	if err := checkHandshake(r, x); err != nil {
		u.refuse(w, r, x, err)
		return
	}
	if err := u.sockets.reserve(x.Tenant); err != nil {
		u.refuse(w, r, x, err)
		return
	}
	opened := false
	defer func() { // also when the answer is broken off by a panic
		if !opened {
			u.sockets.giveBack(x.Tenant.Name)
		}
	}()
	opened = u.openSocket(w, r, x)
}

// openSocket makes the handshake with the backend and passes on what it says. It returns
// whether a socket was opened.
func (u *Upstream) openSocket(w http.ResponseWriter, r *http.Request, x *routing.Exchange) bool {
	buf := u.buffers.heads.Get().(*[]byte)
	defer u.giveHead(buf)
	req := &request{http: r, x: x, safe: true, fresh: true}
	var err error
	if req.head, err = appendHead((*buf)[:0], r, x, -1, true); err != nil {
		u.refuse(w, r, x, &clientFault{err})
		return false
	}
	*buf = req.head
	k, err := u.knock(r.Context(), u.pool(x.Pool), req)
	switch {
	case err != nil:
		u.refuse(w, r, x, err)
		return false
	case k.response.StatusCode != http.StatusSwitchingProtocols:
		u.respond(w, r, x, k) // an ordinary answer on an ordinary connection
		return false
	default:
		return u.upgrade(w, r, x, k)
	}
}

// checkHandshake holds a handshake against RFC 6455 section 4.2.1, and against the tenant:
// Odoo answers a bad version with 500 and takes any foreign Origin.
func checkHandshake(r *http.Request, x *routing.Exchange) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
	switch {
	case x.Class != odoo.Realtime:
		return handshakeRefusal(http.StatusBadRequest, "no_socket_here", "No WebSocket here", "This address serves no WebSocket.")
	case r.Method != http.MethodGet || r.ProtoMajor != 1 || !r.ProtoAtLeast(1, 1) || r.ContentLength != 0,
		len(r.Header["Upgrade"]) != 1, strings.ContainsRune(r.Header.Get("Upgrade"), ','), !hasToken(r.Header["Connection"], "upgrade"),
		len(r.Header["Sec-Websocket-Key"]) != 1, err != nil || len(key) != 16:
		return handshakeRefusal(http.StatusBadRequest, "bad_handshake", "Bad WebSocket handshake", "The request is no WebSocket handshake.")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		refused := refusalOf(http.StatusUpgradeRequired, "bad_handshake", "WebSocket version not supported", "This address speaks version 13.", 0)
		refused.Header = http.Header{"Sec-Websocket-Version": {"13"}}
		return &refusal{refused}
	}
	return checkOrigin(r.Header["Origin"], x.Tenant.Hosts)
}

func handshakeRefusal(status int, code, title, detail string) error {
	return &refusal{refusalOf(status, code, title, detail, 0)}
}

// checkOrigin lets only pages of the tenant's own hosts open sockets: the browser sends the
// session cookie along whoever asks. Odoo insists on an Origin, too, and looks no further.
func checkOrigin(origins, hosts []string) error {
	if len(origins) == 1 {
		u, err := url.Parse(origins[0])
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && u.Path == "" {
			if host, _, err := odoo.CanonicalHost(u.Host); err == nil && ownHost(host, hosts) {
				return nil
			}
		}
	}
	return handshakeRefusal(http.StatusForbidden, "foreign_origin", "Foreign page", "Pages of other sites may not open a WebSocket here.")
}

// ownHost says whether host is one of hosts; "*.x" matches exactly one label before x.
func ownHost(host string, hosts []string) bool {
	label, parent, _ := strings.Cut(host, ".")
	for _, own := range hosts {
		if own == host {
			return true
		}
		if wild, ok := strings.CutPrefix(own, "*."); ok && label != "" && wild == parent {
			return true
		}
	}
	return false
}

// upgrade turns both connections into a socket, and says whether it could.
func (u *Upstream) upgrade(w http.ResponseWriter, r *http.Request, x *routing.Exchange, k *call) bool {
	defer k.release(false) // a no-op once the connection was taken out
	compressed, err := checkAccept(r, k.response)
	if err != nil {
		u.refuse(w, r, x, &failure{stage: garbled, err: err})
		return false
	}
	client, err := u.takeClient(w, x, k)
	if err != nil {
		x.Cause, x.Outcome = err, odoo.ClientGone
		u.log.WarnContext(r.Context(), "socket not opened", "tenant", x.Tenant.Name, "err", err)
		return false
	}
	server, fromServer := k.detach()
	if server == nil {
		_ = client.conn.Close() // the client left in between
		x.Outcome = odoo.ClientGone
		return false
	}
	x.Outcome = odoo.OK
	u.sockets.open(x, k.backend, client, taken{conn: server.Conn, ahead: fromServer}, compressed)
	return true
}

// checkAccept makes sure that the backend answered this handshake and not another one, and
// says whether it agreed to compress messages.
func checkAccept(r *http.Request, response *http.Response) (compressed bool, err error) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if response.Header.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) ||
		!hasToken(response.Header["Upgrade"], "websocket") {
		return false, errors.New("handshake answered wrongly")
	}
	agreed := extensions(response.Header)
	compressed = len(agreed) > 0
	for _, e := range agreed {
		if !isDeflate(e) {
			return false, fmt.Errorf("an extension that nobody offered: %.40q", e)
		}
	}
	if compressed && !slices.ContainsFunc(extensions(r.Header), isDeflate) {
		return false, errors.New("compression that nobody offered")
	}
	return compressed, nil
}

// extensions lists the offers, or what was agreed, of a handshake (RFC 6455, section 9.1).
func extensions(h http.Header) []string {
	var all []string
	for _, line := range h["Sec-Websocket-Extensions"] {
		for one := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(one))
		}
	}
	return all
}

// isDeflate names the one extension that passes through us (RFC 7692). It marks the first
// frame of a message and leaves headers and control frames as they are.
func isDeflate(extension string) bool {
	name, _, _ := strings.Cut(extension, ";")
	return strings.EqualFold(strings.TrimSpace(name), "permessage-deflate")
}

// taken is a connection that no HTTP is spoken on any more, with what was read ahead.
type taken struct {
	conn  net.Conn
	ahead []byte
}

// takeClient sends the 101 and takes the connection from the server. The head goes through
// the writer, so that the steps around us see it; its buffers go with the handler.
func (u *Upstream) takeClient(w http.ResponseWriter, x *routing.Exchange, k *call) (taken, error) {
	prepareHead(w.Header(), x, k)
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return taken{}, errors.New("connection cannot be taken over")
	}
	x.Status = http.StatusSwitchingProtocols
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := hijacker.Hijack()
	if err != nil {
		return taken{}, fmt.Errorf("take over connection: %w", err)
	}
	_ = conn.SetDeadline(time.Time{}) // what the server had set; fails as the next read will
	ahead, err := readAhead(rw.Reader)
	if err != nil {
		_ = conn.Close()
		return taken{}, err
	}
	return taken{conn: conn, ahead: ahead}, nil
}

// readAhead copies what the server had read beyond the handshake.
func readAhead(r *bufio.Reader) ([]byte, error) {
	n := r.Buffered()
	if n == 0 {
		return nil, nil
	}
	b := make([]byte, n)
	if _, err := r.Read(b); err != nil {
		return nil, fmt.Errorf("take over what was read: %w", err)
	}
	return b, nil
}
