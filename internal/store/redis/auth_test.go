package redis

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// rights are what docs/configure.md tells operators to give.
var rights = []any{"resetchannels", "~sluice:v1:*", "&sluice:v1:*", "+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+time", "-@dangerous", "+cluster|slots"}

func user(name, password string) []any {
	return append([]any{"ACL", "SETUSER", name, "on", ">" + password}, rights...)
}

func TestAccessList(t *testing.T) {
	server := redistest.Start(t)
	server.Do(user("sluice", "first")...)
	server.Do("ACL", "SETUSER", "default", "-@all", "+acl", "+info", "+client", "+get")
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, " first\n")
	bounds := patient()
	bounds.Probe = 100 * time.Millisecond
	s := running(t, Config{Address: server.Addr, Credentials: PasswordFile("sluice", file), Bounds: bounds})
	ready(t, s)

	// All that a store does is possible with these rights.
	ctx := t.Context()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	e := watching(t, s)
	do(s.PutPin(ctx, "acme", "k", "v", 1, time.Minute))
	do(nil, s.OverwritePin(ctx, "acme", "k", "w", time.Minute))
	do(nil, s.TouchPins(ctx, []store.PinRef{{Tenant: "acme", Key: "k"}}, time.Minute))
	do(nil, s.ExpirePin(ctx, "acme", "k", time.Minute))
	do(s.LeaseSlots(ctx, "r", []store.SlotClaim{{Backend: "p/b@x", Workers: 2}}, time.Minute))
	do(s.Beat(ctx, store.Replica{ID: "r"}, time.Minute))
	redistest.Eventually(t, 5*time.Second, "puts are not heard", func() bool { return e.has("acme k w") })
	limits(t, s)
}

// limits uses the ledger of rate limits, which shares the connection and its rights.
func limits(t *testing.T, s *Store) {
	t.Helper()
	if _, _, err := s.Limits().Orders(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestPasswordChanges(t *testing.T) {
	t.Parallel()
	for way, change := range map[string]func(server *redistest.Server, file string){
		// As the documentation tells: both passwords are good for a while.
		"in three steps": func(server *redistest.Server, file string) {
			server.Do("ACL", "SETUSER", "sluice", ">second")
			write(t, file, "second\n")
			server.Do("ACL", "SETUSER", "sluice", "<first")
			server.Do("CLIENT", "KILL", "USER", "sluice")
		},
		"the file too late": func(server *redistest.Server, file string) {
			server.Do("ACL", "SETUSER", "sluice", ">second", "<first")
			server.Do("CLIENT", "KILL", "USER", "sluice")
			time.AfterFunc(500*time.Millisecond, func() { write(t, file, "second\n") })
		},
		"the file is away for a moment": func(server *redistest.Server, file string) {
			server.Do("ACL", "SETUSER", "sluice", ">second", "<first")
			_ = os.Remove(file)
			server.Do("CLIENT", "KILL", "USER", "sluice")
			time.AfterFunc(500*time.Millisecond, func() { write(t, file, "second\n") })
		},
	} {
		t.Run(way, func(t *testing.T) {
			server := redistest.Start(t)
			server.Do(user("sluice", "first")...)
			file := filepath.Join(t.TempDir(), "password")
			write(t, file, "first")
			bounds := patient()
			bounds.Probe = 100 * time.Millisecond
			s := running(t, Config{Address: server.Addr, Credentials: PasswordFile("sluice", file), Bounds: bounds})
			ready(t, s)
			change(server, file)
			redistest.Eventually(t, 10*time.Second, "the new password is not used", func() bool {
				who, _ := server.Do("CLIENT", "LIST").(string)
				_, err := s.Pin(t.Context(), "acme", "k")
				return err == nil && s.Healthy() && strings.Contains(who, "user=sluice")
			})
		})
	}
}

func TestWrongPassword(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "right")
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, "wrong")
	for who, c := range map[string]Credentials{
		"a wrong password": PasswordFile("", file),
		"no file":          PasswordFile("", file+".none"),
		"nobody":           {},
	} {
		t.Run(who, func(t *testing.T) {
			s := running(t, Config{Address: server.Addr, Credentials: c})
			if _, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable: nothing was done", err)
			}
		})
	}
	write(t, file, "right")
	ready(t, running(t, Config{Address: server.Addr, Credentials: PasswordFile("", file)}))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// Azure ends what was signed in with a token that has ended. Its connections go on, and
// answer NOAUTH; a real redis-server never does that, so this one is made up.
func TestConnectionsThatAreSignedOut(t *testing.T) {
	server := newForgetful(t)
	bounds := patient()
	bounds.Probe = time.Minute
	s := running(t, Config{Address: server.address, Bounds: bounds})
	ready(t, s)
	before := server.connections.Load()
	server.signOut.Store(before)
	redistest.Eventually(t, 5*time.Second, "connections that were signed out are used again and again", func() bool {
		_, err := s.Pin(t.Context(), "acme", "k")
		return err == nil
	})
	if server.connections.Load() == before {
		t.Error("no new connection was made")
	}
}

// forgetful speaks enough of Redis's protocol, and forgets who its connections are.
type forgetful struct {
	address     string
	connections atomic.Int64
	signOut     atomic.Int64 // connections up to this number
}

func newForgetful(t *testing.T) *forgetful {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := &forgetful{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(conn, f.connections.Add(1))
		}
	}()
	return f
}

func (f *forgetful) serve(conn net.Conn, number int64) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		words := command(in)
		if len(words) == 0 {
			return
		}
		answer := "+OK\r\n"
		switch {
		case strings.EqualFold(words[0], "hello"):
			answer = "%1\r\n+proto\r\n:3\r\n"
		case number <= f.signOut.Load():
			answer = "-NOAUTH Authentication required.\r\n"
		case words[0] == "GET":
			answer = "_\r\n"
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

// command reads one array of strings.
func command(in *bufio.Reader) (words []string) {
	number := func(mark string) int {
		line, err := in.ReadString('\n')
		n, bad := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), mark))
		if err != nil || bad != nil {
			return 0
		}
		return n
	}
	for range number("*") {
		text := make([]byte, number("$")+2)
		for i := range text {
			b, err := in.ReadByte()
			if err != nil {
				return nil
			}
			text[i] = b
		}
		words = append(words, string(text[:len(text)-2]))
	}
	return words
}
