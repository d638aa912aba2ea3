package demo

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// ServerName is the name of the i-th server, as documents and answers have it.
func (p *pool) ServerName(i int) string { return fmt.Sprintf("%s-%d", p.Name, i+1) }

// Workers of each server.
func (p *pool) Workers() int { return workers }

// announce says what runs, what to try and how to stop.
func (r *running) announce() {
	fmt.Fprintf(r.Out, "\nSluice serves %d tenants on http://127.0.0.1:%d\n\n", len(tenants()), r.port)
	r.table()
	r.tryThis()
	r.whereThingsAre()
}

func (r *running) table() {
	w := tabwriter.NewWriter(r.Out, 2, 0, 3, ' ', 0)
	fmt.Fprintln(w, "  HOST\tTENANT\tODOO\tDATABASE\tBACKENDS")
	for _, t := range tenants() {
		p := r.pool(t.Pool)
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", t.Host, t.Name, p.Version, t.Database, backends(p))
		for _, c := range t.Classes {
			fmt.Fprintf(w, "  \t\t\t\t%s for class %s\n", backends(r.pool(c.Pool)), c.Name)
		}
	}
	_ = w.Flush()
}

func backends(p *pool) string {
	names := make([]string, 0, len(p.Servers))
	for i, s := range p.Servers {
		names = append(names, fmt.Sprintf("%s (%s)", p.ServerName(i), s.HTTPAddr()))
	}
	return strings.Join(names, ", ")
}

func (r *running) tryThis() {
	at := fmt.Sprintf("http://127.0.0.1:%d", r.port)
	fmt.Fprintf(r.Out, "\nIn a browser (admin / admin):\n  http://%s:%d/web/login\n", tenants()[0].Host, r.port)
	fmt.Fprint(r.Out, "\nWith curl; the answer names the server and the database:\n")
	for _, t := range tenants() {
		fmt.Fprintf(r.Out, "  curl -H 'Host: %s' %s/standin/visit\n", t.Host, at)
	}
	fmt.Fprintf(r.Out, "  curl -H 'Host: acme.localhost' -H 'Content-Type: application/json' %s/web/webclient/version_info -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call\",\"params\":{}}'\n", at)
	r.tryWebsocket(at)
}

// tryWebsocket opens one with curl, and a live one in a browser's console: what is posted to
// the bus appears there.
func (r *running) tryWebsocket(at string) {
	fmt.Fprint(r.Out, "\nA websocket: 101, then it stays open until Ctrl-C:\n")
	fmt.Fprintf(r.Out, "  curl -i -N --http1.1 -H 'Host: acme.localhost' -H 'Origin: http://acme.localhost:%d' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: c2x1aWNlIGRlbW8ga2V5IQ==' '%s%s'\n", r.port, at, websocketPath)
	fmt.Fprintf(r.Out, "  or in the console of the browser page above, then post to it:\n")
	fmt.Fprintf(r.Out, "  ws = new WebSocket('ws://acme.localhost:%d%s'); ws.onopen = () => ws.send('%s'); ws.onmessage = m => console.log(m.data)\n", r.port, websocketPath, subscribe)
	fmt.Fprintf(r.Out, "  curl -H 'Host: acme.localhost' %s/standin/bus -d '%s'\n", at, push)
}

// What the lines about websockets send. The version is the one that the client of this Odoo
// release names; the server closes the sockets of others.
const (
	websocketPath = "/websocket?version=18.0-5"
	subscribe     = `{"event_name":"subscribe","data":{"channels":["demo"],"last":0}}`
	push          = `{"channel":"demo","payload":"hello"}`
)

func (r *running) whereThingsAre() {
	fmt.Fprintf(r.Out, "\nAsk the gateway, in another terminal:\n  %s status --data-dir %s\n  %s backend list --data-dir %s\n", r.Command, r.dataDir(), r.Command, r.dataDir())
	fmt.Fprint(r.Out, "\nWhere things are:\n")
	for _, line := range [][2]string{
		{"working directory", r.dir + "   (edit a file in tenants/ and it takes effect)"},
		{"admin socket", r.socket()},
		{"ping and metrics", fmt.Sprintf("http://127.0.0.1:%d/ping   /ready   /metrics", r.pingPort)},
		{"log", r.logFile()},
	} {
		fmt.Fprintf(r.Out, "  %-18s %s\n", line[0], line[1])
	}
	kept := "The working directory is removed."
	if r.Dir != "" {
		kept = "The working directory is kept."
	}
	fmt.Fprintf(r.Out, "\nStop with Ctrl-C. %s\n", kept)
}
