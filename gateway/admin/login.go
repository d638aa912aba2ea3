package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Role says what a token may do. Each role includes the ones before it.
type Role string

// The roles, from least to most.
const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // also moves traffic
	Admin    Role = "admin"    // also keys and tokens
)

// allows says whether r includes needed. Unknown roles allow nothing.
func (r Role) allows(needed Role) bool {
	return rank(needed) > 0 && rank(r) >= rank(needed)
}

func rank(r Role) int {
	switch r {
	case Viewer:
		return 1
	case Operator:
		return 2
	case Admin:
		return 3
	}
	return 0
}

// Token is one way to log in over TCP. The secret is in File, trimmed.
type Token struct {
	Name    string
	Role    Role
	File    string
	Tenants []string // names or patterns such as "acme-*"; empty: all
}

// minToken is the shortest secret that is accepted: 16 characters can be guessed neither
// over the network nor from a leaked hash.
const minToken = 16

// actor is who asks. It is written to logs; it holds no secret.
type actor struct {
	Name    string
	Role    Role
	Tenants []string
	Client  string // address; empty over the socket
}

type actorKey struct{}

func withActor(ctx context.Context, a actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

func actorFrom(ctx context.Context) actor {
	a, _ := ctx.Value(actorKey{}).(actor)
	return a
}

// secret is a token as it is compared: hashed, so that all have one length.
type secret struct {
	actor
	sum [sha256.Size]byte
}

// logins knows the tokens and bounds wrong guesses.
type logins struct {
	secrets *fresh[[]secret]
	guesses *guesses
}

func newLogins(tokens []Token, log *slog.Logger) (*logins, error) {
	files := make([]string, len(tokens))
	for i, t := range tokens {
		files[i] = t.File
	}
	secrets, err := newFresh(log, files, func() ([]secret, error) { return readSecrets(tokens) })
	if err != nil {
		return nil, err
	}
	return &logins{secrets: secrets, guesses: newGuesses()}, nil
}

func readSecrets(tokens []Token) ([]secret, error) {
	var all []secret
	var problems []error
	for _, t := range tokens {
		s, err := readSecret(t)
		if err != nil {
			problems = append(problems, fmt.Errorf("spec.admin.tokens: token %q: %w", t.Name, err))
		}
		all = append(all, s)
	}
	return all, errors.Join(problems...)
}

func readSecret(t Token) (secret, error) {
	if rank(t.Role) == 0 {
		return secret{}, fmt.Errorf("role %q is none of viewer, operator, admin", t.Role)
	}
	content, err := os.ReadFile(t.File)
	if err != nil {
		return secret{}, err
	}
	text := strings.TrimSpace(string(content))
	if len(text) < minToken {
		return secret{}, fmt.Errorf("%s holds %d characters, at least %d are needed: try `openssl rand -hex 32 > %s`", t.File, len(text), minToken, t.File)
	}
	return secret{actor{Name: t.Name, Role: t.Role, Tenants: t.Tenants}, sha256.Sum256([]byte(text))}, nil
}

// who finds the owner of a token. Every secret is compared, whatever matches, so that the
// time taken says nothing.
func (l *logins) who(token string, now time.Time) (actor, bool) {
	sum := sha256.Sum256([]byte(token))
	var found actor
	var ok bool
	for _, s := range l.secrets.get(now) {
		if subtle.ConstantTimeCompare(sum[:], s.sum[:]) == 1 {
			found, ok = s.actor, true
		}
	}
	return found, ok
}

// login lets requests with a good token pass and puts their actor in the context.
func (s *Server) login(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, given := bearer(r)
		if !given {
			s.challenge(w, "a bearer token is needed: send it as Authorization: Bearer TOKEN, or name its file in a context")
			return
		}
		who, wait, err := s.identify(r, token, time.Now())
		switch {
		case wait > 0:
			s.metrics.logins.WithLabelValues("throttled").Inc()
			refuseFor(w, wait, "too many wrong tokens from this address")
		case errors.Is(err, errDirectoryAway):
			s.metrics.logins.WithLabelValues("unknown").Inc()
			w.Header().Set("Retry-After", "10")
			problem(w, http.StatusServiceUnavailable, "Entra ID does not answer, so nobody can say whether this token is good: try again, or use a token of spec.admin.tokens or the unix socket")
		case err != nil:
			s.metrics.logins.WithLabelValues("refused").Inc()
			s.log.WarnContext(r.Context(), "admin API refused a token", "client", clientAddr(r), "err", err)
			s.challenge(w, "this token is not known here: check that its file is one of spec.admin.tokens")
		default:
			who.Client = clientAddr(r).String()
			next.ServeHTTP(w, r.WithContext(withActor(r.Context(), who)))
		}
	})
}

var errUnknownToken = errors.New("it is none of spec.admin.tokens")

// identify finds out whose a token is, or how long this address must wait. What Entra ID has
// signed is looked at outside the lock of guesses, as its keys may have to be fetched first; a
// signature is not guessed.
func (s *Server) identify(r *http.Request, token string, now time.Time) (who actor, wait time.Duration, err error) {
	client, guesses := clientAddr(r), s.logins.guesses
	if s.config.Entra == nil || !signed(token) {
		known, wait := guesses.try(client, now, func() (known bool) {
			who, known = s.logins.who(token, now)
			return known
		})
		if !known {
			err = errUnknownToken
		}
		return who, wait, err
	}
	if wait = guesses.patience(client, now); wait > 0 {
		return who, wait, nil
	}
	if who, err = s.config.Entra.who(r.Context(), token); err != nil && !errors.Is(err, errDirectoryAway) {
		guesses.failed(client, now)
	}
	return who, 0, err
}

func (s *Server) challenge(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="sluice"`)
	problem(w, http.StatusUnauthorized, detail)
}

// bearer is the token of the one Authorization header. Two headers are no token: it would
// depend on the reader which one counts.
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// clientAddr is the peer of the connection. Forwarded headers do not count here.
func clientAddr(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap()
}
