package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Wires are the connections of many users to the replicas: a balancer that sends each
// request to any of them.
type Wires struct {
	mu    sync.Mutex
	addrs []string
	by    map[string]*http.Transport
}

// NewWires makes them for the addresses of the replicas.
func NewWires(addrs ...string) *Wires {
	w := &Wires{addrs: addrs, by: map[string]*http.Transport{}}
	for _, addr := range addrs {
		w.by[addr] = &http.Transport{
			DialContext:        dialTo(&net.Dialer{Timeout: Patience}, addr),
			DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
		}
	}
	return w
}

// Addrs lists the replicas in use.
func (w *Wires) Addrs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.addrs)
}

// Drop takes a replica out of the balancer.
func (w *Wires) Drop(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addrs = slices.DeleteFunc(slices.Clone(w.addrs), func(a string) bool { return a == addr })
}

// Return puts a replica back into the balancer.
func (w *Wires) Return(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.addrs, addr) {
		w.addrs = append(slices.Clone(w.addrs), addr)
	}
}

// Close ends the idle connections.
func (w *Wires) Close() {
	for _, transport := range w.by {
		transport.CloseIdleConnections()
	}
}

func (w *Wires) any() string {
	all := w.Addrs()
	return all[rand.IntN(len(all))]
}

// User is a client that keeps cookies. Its requests go through any replica unless Via names
// one. It is one person: use it from one goroutine at a time, and a Tab of it in another.
type User struct {
	Host  string
	Login string
	Via   string // address of a replica; empty: any
	Home  string // the server that signed it in
	// Keep says which cookies the client keeps; nil: all of them, as a browser does.
	Keep func(name string) bool

	wires *Wires
	*jar
}

// jar holds the cookies of a browser, which its tabs share.
type jar struct {
	mu      sync.Mutex
	cookies map[string]string
}

// NewUser makes a client of nobody yet.
func NewUser(wires *Wires, host string) *User {
	return &User{Host: host, wires: wires, jar: &jar{cookies: map[string]string{}}}
}

// OnlySession keeps Odoo's cookie and no other: what API clients and old apps do.
func OnlySession(name string) bool { return name == "session_id" }

// Cookies returns what the client holds.
func (u *User) Cookies() map[string]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.cookies)
}

// SetCookie puts a cookie into the client's hand, or takes it away when it is empty.
func (u *User) SetCookie(name, value string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cookies[name] = value
	if value == "" {
		delete(u.cookies, name)
	}
}

// Twin is another client with the same cookies.
func (u *User) Twin() *User {
	twin := *u
	twin.jar = &jar{cookies: u.Cookies()}
	return &twin
}

// Tab is another client that shares the cookies, as a browser's pages and sockets do.
func (u *User) Tab() *User {
	tab := *u
	return &tab
}

// OneCookie is how errors call a client that does not keep all cookies.
const OneCookie = "one cookie"

func (u *User) kind() string {
	if u.Keep == nil {
		return "all cookies"
	}
	return OneCookie
}

func (u *User) cookieHeader() string {
	var b strings.Builder
	for name, value := range u.Cookies() {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + "=" + value)
	}
	return b.String()
}

// Do sends a request with header lines "Name: value" and takes the cookies of the answer.
func (u *User) Do(ctx context.Context, method, path, body string, header ...string) (Reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+u.Host+path, strings.NewReader(body))
	if err != nil {
		return Reply{}, err
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	if cookies := u.cookieHeader(); cookies != "" {
		request.Header.Add("Cookie", cookies)
	}
	answer, err := u.transport().RoundTrip(request)
	if err != nil {
		return Reply{}, err
	}
	defer answer.Body.Close()
	u.take(answer)
	text, err := io.ReadAll(answer.Body)
	return Reply{Status: answer.StatusCode, Proto: answer.Proto, Header: answer.Header, Body: string(text)}, err
}

func (u *User) transport() *http.Transport {
	if u.Via != "" {
		return u.wires.by[u.Via]
	}
	return u.wires.by[u.wires.any()]
}

func (u *User) take(answer *http.Response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, cookie := range answer.Cookies() {
		if u.Keep != nil && !u.Keep(cookie.Name) {
			continue
		}
		if cookie.MaxAge < 0 {
			delete(u.cookies, cookie.Name)
			continue
		}
		u.cookies[cookie.Name] = cookie.Value
	}
}

var csrfField = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

const formType = "Content-Type: application/x-www-form-urlencoded"

// SignIn fills in the login form, as a browser does.
func (u *User) SignIn(ctx context.Context, login string) error {
	page, err := u.Do(ctx, http.MethodGet, "/web/login", "")
	if err != nil {
		return fmt.Errorf("login page: %w", err)
	}
	token := csrfField.FindStringSubmatch(page.Body)
	if token == nil {
		return fmt.Errorf("login page: %d %.200s", page.Status, page.Body)
	}
	form := url.Values{"csrf_token": {token[1]}, "login": {login}, "password": {login}}
	return u.signedIn(login, http.StatusSeeOther, func() (Reply, error) {
		return u.Do(ctx, http.MethodPost, "/web/login", form.Encode(), formType)
	})
}

// SignInByCall signs in with one JSON call and no cookie before it, as programs do.
func (u *User) SignInByCall(ctx context.Context, database, login string) error {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"params":{"db":%q,"login":%q,"password":%q}}`, database, login, login)
	return u.signedIn(login, http.StatusOK, func() (Reply, error) {
		return u.Do(ctx, http.MethodPost, "/web/session/authenticate", body, "Content-Type: application/json")
	})
}

func (u *User) signedIn(login string, status int, try func() (Reply, error)) error {
	before := u.Cookies()["session_id"]
	reply, err := try()
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	if after := u.Cookies()["session_id"]; reply.Status != status || after == "" || after == before {
		return fmt.Errorf("login: %d, session id changed: %v, %.200s", reply.Status, after != before, reply.Body)
	}
	u.Login, u.Home = login, reply.Header.Get("X-Standin-Server")
	return nil
}

// ErrLost is what Visit says of a user who is on the wrong server or signed out.
var ErrLost = errors.New("lost")

// Visit looks at one of the pages of somebody who is signed in, and at who served it.
func (u *User) Visit(ctx context.Context) error {
	var reply Reply
	var err error
	sign := ""
	switch rand.IntN(4) {
	case 0:
		sign = "user " + u.Login
		reply, err = u.Do(ctx, http.MethodGet, "/web", "")
	case 1:
		sign = `"username":"` + u.Login
		reply, err = u.Do(ctx, http.MethodPost, "/web/session/get_session_info", `{"jsonrpc":"2.0","params":{}}`, "Content-Type: application/json")
	case 2:
		sign = `"visits"`
		reply, err = u.Do(ctx, http.MethodGet, "/standin/visit", "")
	default:
		sign = "user " + u.Login
		reply, err = u.Do(ctx, http.MethodGet, "/my", "")
	}
	if err != nil {
		return err
	}
	if server := reply.Header.Get("X-Standin-Server"); reply.Status == http.StatusOK && server != u.Home {
		return fmt.Errorf("%w: %s, signed in on %s, served by %q", ErrLost, u.kind(), u.Home, server)
	}
	if reply.Status == http.StatusOK && strings.Contains(reply.Body, sign) {
		return nil
	}
	if reply.Status == http.StatusSeeOther || reply.Status == http.StatusOK {
		return fmt.Errorf("%w: %s, signed in on %s, signed out by %s: %d", ErrLost, u.kind(), u.Home, reply.Header.Get("X-Standin-Server"), reply.Status)
	}
	return fmt.Errorf("%d from %q: %.300s", reply.Status, reply.Header.Get("X-Standin-Server"), reply.Body)
}
