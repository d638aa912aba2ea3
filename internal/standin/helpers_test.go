package standin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// soon is how long a test waits for what must happen.
const soon = 10 * time.Second

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	text string
	err  error // of reading the body
}

func (a answer) json(t *testing.T) object {
	t.Helper()
	var value object
	if err := json.Unmarshal([]byte(a.text), &value); err != nil {
		t.Fatalf("answer %d %q is no JSON object: %v", a.StatusCode, a.text, err)
	}
	return value
}

func (a answer) sid() string {
	for _, cookie := range a.Cookies() {
		if cookie.Name == "session_id" {
			return cookie.Value
		}
	}
	return ""
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// raw sends bytes as they are and reads one answer.
func raw(t *testing.T, addr, request string) answer {
	t.Helper()
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatalf("send: %v", err)
	}
	method, _, _ := strings.Cut(request, " ")
	return readAnswer(t, bufio.NewReader(conn), method)
}

func readAnswer(t *testing.T, in *bufio.Reader, method string) answer {
	t.Helper()
	response, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response, string(body), err}
}

// browser keeps cookies and follows no redirect.
type browser struct {
	t      *testing.T
	host   string
	client *http.Client
}

func newBrowser(t *testing.T, addr string) *browser {
	t.Helper()
	b := &browser{t: t, host: "a.example"}
	b.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar = jar
	b.visit(addr)
	return b
}

// visit sends what follows to another server.
func (b *browser) visit(addr string) {
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	b.client.Transport = transport
}

func (b *browser) do(method, path, body string, header ...string) answer {
	b.t.Helper()
	request, err := http.NewRequest(method, "http://"+b.host+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text), err}
}

func (b *browser) get(path string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", header...)
}

func (b *browser) form(path string, fields url.Values, header ...string) answer {
	b.t.Helper()
	header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	return b.do(http.MethodPost, path, fields.Encode(), header...)
}

func (b *browser) call(path string, params object, header ...string) answer {
	b.t.Helper()
	body, err := json.Marshal(object{"jsonrpc": "2.0", "id": 1, "params": params})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, path, string(body), append(header, "Content-Type", "application/json")...)
}

// csrf takes the token out of a page.
func csrf(t *testing.T, page answer) string {
	t.Helper()
	found := regexp.MustCompile(`csrf_token" value="([^"]+)"`).FindStringSubmatch(page.text)
	if found == nil {
		t.Fatalf("no csrf_token in %d %q", page.StatusCode, page.text)
	}
	return found[1]
}

func (b *browser) login(user, password string, header ...string) answer {
	b.t.Helper()
	token := csrf(b.t, b.get("/web/login", header...))
	return b.form("/web/login", url.Values{"csrf_token": {token}, "login": {user}, "password": {password}}, header...)
}

func (b *browser) sid() string {
	u := &url.URL{Scheme: "http", Host: b.host, Path: "/"}
	for _, cookie := range b.client.Jar.Cookies(u) {
		if cookie.Name == "session_id" {
			return cookie.Value
		}
	}
	return ""
}

func (b *browser) setSID(sid string) {
	u := &url.URL{Scheme: "http", Host: b.host, Path: "/"}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: "session_id", Value: sid, Path: "/"}})
}

func want(t *testing.T, what string, got, wanted any) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: got %v, want %v", what, got, wanted)
	}
}

func contains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s: %q is not in %q", what, part, text)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(soon)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func pattern(size int64) []byte {
	var out bytes.Buffer
	if _, err := out.ReadFrom(NewPattern(size)); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func apply(t *testing.T, s *Server, control Control) {
	t.Helper()
	if err := s.Apply(control); err != nil {
		t.Fatalf("control: %v", err)
	}
}

func yes() *bool { v := true; return &v }

func no() *bool { v := false; return &v }
