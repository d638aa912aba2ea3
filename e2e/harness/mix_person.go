package harness

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// person is somebody who is signed in.
type person struct {
	*client

	csrf string
}

const (
	jsonType  = "Content-Type: application/json"
	userSign  = "user "
	firstPage = 6 // pages of ten errands
)

// work does one thing after the other until ctx ends.
func (p *person) work(ctx context.Context) {
	p.page()
	for ctx.Err() == nil {
		switch n := p.dice.IntN(20); {
		case n < firstPage:
			p.page()
		case n < 10:
			p.call()
		case n < 12:
			p.static()
		case n < 17:
			p.write()
		case n < 18:
			p.report()
		default:
			p.upload()
		}
		p.pause(ctx, 2*p.mix.Pause)
	}
}

var (
	csrfScript = regexp.MustCompile(`csrf_token: "([^"]+)"`)
	bundle     = regexp.MustCompile(`src="(/web/assets/[^"]+)"`)
)

// page loads the web client and a bundle that the page names, as a navigation does.
func (p *person) page() {
	reply, ok := p.do(errand{
		what: "page", method: http.MethodGet, path: clientPath(p.mix.Version), session: true, wrong: signed(userSign + p.user.Login),
		header: []string{"Accept: text/html,application/xhtml+xml", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate"},
	})
	if !ok {
		return
	}
	if token := csrfScript.FindStringSubmatch(reply.Body); token != nil {
		p.csrf = token[1]
	}
	if asset := bundle.FindStringSubmatch(reply.Body); asset != nil && p.dice.IntN(3) == 0 {
		// On another release Odoo leads to the bundle that it has.
		p.do(errand{what: "asset", method: http.MethodGet, path: asset[1], wrong: func(reply Reply) string {
			if reply.Status == http.StatusOK || reply.Status == http.StatusSeeOther && strings.Contains(reply.Header.Get("Location"), "/web/assets/") {
				return ""
			}
			return describe(reply)
		}})
	}
}

func clientPath(version string) string {
	if version < "18" {
		return "/web"
	}
	return "/odoo"
}

func (p *person) static() {
	p.do(errand{what: "static", method: http.MethodGet, path: "/web/static/src/app.js"})
}

func (p *person) call() {
	p.do(errand{
		what: "call", method: http.MethodPost, path: "/web/session/get_session_info", body: `{"jsonrpc":"2.0","params":{}}`,
		header: []string{jsonType}, session: true, wrong: signed(`"username":"` + p.user.Login),
	})
}

func (p *person) write() {
	token := p.mix.token()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","params":{"model":"res.partner","method":"create","args":[{"name":"x","marker":%q}],"kwargs":{}}}`, token)
	p.do(errand{
		what: "write", method: http.MethodPost, path: "/web/dataset/call_kw/res.partner/create", body: body, token: token,
		header: []string{jsonType}, session: true, wrong: signed(`"result"`),
	})
}

func (p *person) report() {
	p.do(errand{what: "report", method: http.MethodGet, path: "/report/pdf/sale.order/1?seconds=0.3", session: true, wrong: signed("%PDF-1.4")})
}

func (p *person) upload() {
	if p.csrf == "" {
		return
	}
	token := p.mix.token()
	var body bytes.Buffer
	form := multipart.NewWriter(&body) // writes to memory do not fail
	_ = form.WriteField("csrf_token", p.csrf)
	_ = form.WriteField("marker", token)
	file, _ := form.CreateFormFile("ufile", "scan.bin")
	_, _ = file.Write(bytes.Repeat([]byte("scan"), 16<<10))
	_ = form.Close()
	p.do(errand{
		what: "upload", method: http.MethodPost, path: "/web/binary/upload_attachment", body: body.String(), token: token,
		header: []string{"Content-Type: " + form.FormDataContentType()}, session: true, wrong: signed(`"size":65536`),
	})
}

// listen holds a websocket until ctx ends. When it is closed the browser comes back soon,
// and also when it is told to come later.
func (p *person) listen(ctx context.Context) {
	tab := p.user.Tab()
	for ctx.Err() == nil {
		addr, back := p.mix.pick(uint64(time.Now().UnixNano()))
		tab.Via = addr
		conn := p.knock(ctx, tab)
		back()
		if conn != nil {
			p.hear(ctx, tab.Via, conn)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *person) knock(ctx context.Context, tab *User) *websocket.Conn {
	act := Act{Who: p.name, What: "socket", Addr: tab.Via, Session: true, Began: time.Now()}
	conn, answer, err := tab.Socket(ctx, EchoSocket(p.mix.Version))
	act.Ended = time.Now()
	switch {
	case ctx.Err() != nil:
		return conn
	case err == nil:
		act.Status, act.Release = answer.StatusCode, answer.Header.Get("X-Standin-Release")
	case answer != nil && answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
		p.mix.noteSocket(func(d *Day) { d.Refused++ })
		return nil
	default:
		act.Wrong, act.Gone = err.Error(), p.mix.isGone(tab.Via)
	}
	p.mix.note(act)
	if err != nil {
		return nil
	}
	return conn
}

func (p *person) hear(ctx context.Context, addr string, conn *websocket.Conn) {
	defer conn.CloseNow()
	err := conn.Write(ctx, websocket.MessageText, []byte(Subscribe))
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	how := err.Error()
	if code := websocket.CloseStatus(err); code >= 0 {
		how = fmt.Sprint(int(code))
	} else if p.mix.isGone(addr) {
		how = ReplicaGone
	}
	p.mix.noteSocket(func(d *Day) { d.Closed[how]++ })
}

// ReplicaGone is how sockets of a replica that was killed end.
const ReplicaGone = "its replica was killed"
