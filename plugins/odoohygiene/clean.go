package odoohygiene

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/routing/odoo"
)

// refuseHeaders returns 400 for names that WSGI would fold onto others, and for a body of
// two kinds.
func refuseHeaders(header http.Header) int {
	for name := range header {
		if odoo.AliasHeader(name) {
			return http.StatusBadRequest
		}
	}
	if len(header["Content-Type"]) > 1 {
		return http.StatusBadRequest
	}
	return 0
}

// clean makes the request say what the gateway decided, and nothing else about it.
func (h *Hygiene) clean(r *http.Request, host string) {
	client, scheme := h.client(r)
	for name := range r.Header {
		if odoo.ForeignHeader(name) {
			delete(r.Header, name)
		}
	}
	// Request trailers would come after the decision; Odoo knows none.
	delete(r.Header, "Trailer")
	r.Trailer = nil
	cleanConnection(r.Header)
	cleanCookies(r.Header)
	if query, changed := odoo.CleanQuery(r.URL.RawQuery); changed {
		r.URL.RawQuery = query
		r.RequestURI = r.URL.RequestURI()
	}
	r.Host = host
	h.forward(r, client, scheme)
}

// forward sets what Odoo's proxy mode reads: it acts only with X-Forwarded-Host, takes the
// last element of each and fails on an address with a port.
func (h *Hygiene) forward(r *http.Request, client netip.Addr, scheme string) {
	public := r.Host
	if p := h.config.PublicPort; p != 0 && p != 80 && p != 443 {
		public += ":" + strconv.Itoa(p)
	}
	r.Header.Set("X-Forwarded-Host", public)
	r.Header.Set("X-Forwarded-Proto", scheme)
	if client.IsValid() {
		r.Header.Set("X-Forwarded-For", client.String())
		// A stock Traefik appends the peer to X-Forwarded-For on its way out, and Odoo
		// believes the last: so the peer must be the client.
		if _, port, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			r.RemoteAddr = net.JoinHostPort(client.String(), port)
		}
	}
	if h.dbfilter != "" {
		r.Header.Set(odoo.DBFilterHeader, h.dbfilter)
	}
}

// cleanConnection keeps the tokens that say something about the connection. Any other names
// a header that a proxy behind us would drop, ours included.
func cleanConnection(header http.Header) {
	lines, ok := header["Connection"]
	if !ok {
		return
	}
	var keep []string
	for _, line := range lines {
		for _, token := range strings.Split(line, ",") {
			switch token = strings.ToLower(strings.TrimSpace(token)); token {
			case "close", "keep-alive":
				keep = append(keep, token)
			case "upgrade":
				keep = append(keep, "Upgrade")
			}
		}
	}
	delete(header, "Connection")
	if len(keep) > 0 {
		header.Set("Connection", strings.Join(keep, ", "))
	}
}

func cleanCookies(header http.Header) {
	clean, changed := odoo.CleanCookies(header["Cookie"])
	if !changed {
		return
	}
	delete(header, "Cookie")
	if clean != "" {
		header.Set("Cookie", clean)
	}
}

// client decides who asks, and by which scheme: http or https, never ws.
func (h *Hygiene) client(r *http.Request) (netip.Addr, string) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, scheme
	}
	client := peer.Addr().Unmap().WithZone("")
	if !h.trusts(client) {
		return client, scheme
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); proto == "https" || proto == "wss" {
		scheme = "https"
	}
	return h.forwardedFor(client, r.Header["X-Forwarded-For"]), scheme
}

// forwardedFor walks from the right and returns the first address that no trusted proxy
// owns. An entry that is no address ends the walk: no proxy of ours wrote what stands left
// of it.
func (h *Hygiene) forwardedFor(client netip.Addr, lines []string) netip.Addr {
	entries := strings.Split(strings.Join(lines, ","), ",")
	for i := len(entries) - 1; i >= 0 && h.trusts(client); i-- {
		entry := strings.TrimSpace(entries[i])
		addr, err := netip.ParseAddr(entry)
		if err != nil {
			withPort, err := netip.ParseAddrPort(entry)
			if err != nil {
				break
			}
			addr = withPort.Addr()
		}
		client = addr.Unmap().WithZone("")
	}
	return client
}

func (h *Hygiene) trusts(addr netip.Addr) bool {
	for _, prefix := range h.trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
