package plugins

import (
	"context"
	"net/http"
	"time"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Records are the pins that replicas share. Nothing they do makes a request wait for more
// than a few milliseconds, nor fail.
type Records interface {
	// Find returns what is recorded of a session, and whether anything is; carried says that
	// the client brings a pin of its own.
	Find(ctx context.Context, tenant, session string, carried bool) (routing.Pin, bool)
	// Keep records a pin unless a newer one is there, and returns the one that holds.
	Keep(ctx context.Context, tenant, session string, pin routing.Pin) routing.Pin
	// Leave lets the record of a session that was replaced end soon.
	Leave(tenant, session string)
}

// steer leads a request to the release and the backend that know its session: a tester's pass
// before all, then what a cutover decides, the newer of the record and the cookie, else the
// active release and whoever the hash of the session points at. It runs before the body is
// read, because the release says which database is the right one.
//
// Until the request's release is said, it counts as on its way to any: whoever waits for a
// release to be empty must not miss a request that looked at the course before it changed.
func (p *Path) steer(next http.Handler) http.Handler {
	return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
		s := session{path: p, x: x, ctx: r.Context(), active: x.Release}
		carried := takeCookie(r.Header, pinName(x.Scheme))
		pass := takePass(r.Header, x)
		if x.Class == odoo.Health {
			next.ServeHTTP(w, r)
			return
		}
		s.find(carried)
		s.letTester(w, pass)
		defer s.dropBody()
		leave, err := s.await(r)
		if err == nil {
			defer leave()
			err = s.follow(r)
		}
		if err != nil {
			answerError(w, r, x, err)
			return
		}
		if x.Visit != nil {
			x.Visit.At(x.Release.Name, x.Learn != nil && s.tester == nil)
		}
		next.ServeHTTP(w, r)
	})
}

// session is one request's view of where its session lives.
type session struct {
	path   *Path
	x      *exchange
	ctx    context.Context // of the request
	active *routing.Release
	course *routing.Course // nil: as declared

	known  bool
	at     routing.Pin // where known
	stale  bool        // the cookie says otherwise, or there is none
	tester *routing.Tester
	lot    uint32 // drawn for a split that runs; 0: none runs
	moves  bool   // a cutover sends it elsewhere

	body *spool.Body // taken in before it waited; nil: it did not wait, or the body is long
}

// find looks the session up. A request without a session is nowhere at home, whatever cookie
// is left from an earlier one.
func (s *session) find(carried string) {
	x := s.x
	if x.SessionKey == "" {
		return
	}
	cookie, ours := s.path.deps.Pins.Open(routing.CookieOf(x.Tenant.Name), carried)
	if carried != "" && !ours {
		s.path.metrics.invalid.WithLabelValues("cookie").Inc()
	}
	record, recorded := s.path.deps.Records.Find(s.ctx, x.Tenant.Name, x.SessionKey, ours)
	s.at, s.known = routing.Prevailing(record, recorded, cookie, ours)
	s.stale = s.known && (!ours || cookie != s.at)
	if recorded && ours && cookie.Epoch > record.Epoch {
		s.path.deps.Records.Keep(s.ctx, x.Tenant.Name, x.SessionKey, cookie)
	}
}

// follow makes the exchange that of the session's release.
func (s *session) follow(r *http.Request) error {
	x := s.x
	answer := s.decide(r)
	release := x.Tenant.Releases[answer.Release]
	if release == nil {
		release = s.active
	}
	if s.tester != nil {
		release = x.Tenant.Releases[s.tester.Release]
	}
	s.moves = answer.Moved && release.Name == answer.Release
	if release != x.Release {
		if err := s.path.routeTo(release, x, r); err != nil {
			return err
		}
	}
	if x.Pool == nil || x.Pool != release.Pool || answer.Stateless {
		return nil // the class's own pool, or a part that moves alone, holds none of the tenant's sessions
	}
	if s.known && s.at.Release == release.Name && s.at.Pool == x.Pool.Name {
		x.Pin = s.at.Backend
	}
	if s.tester != nil && s.tester.Backend != "" {
		x.Pin = s.tester.Backend
	}
	x.Learn = s.learn
	return nil
}

// learn moves the pin along with what an answer says.
func (s *session) learn(taught routing.Taught) []string {
	x := s.x
	key, well := "", false
	if taught.Set {
		key, well = odoo.KeyOf(taught.Session)
	}
	here := s.decided(routing.Pin{Release: x.Release.Name, Pool: x.Pool.Name, Backend: taught.Backend, Epoch: s.at.Epoch, Lot: s.at.Lot})
	switch {
	case well && key != x.SessionKey:
		return s.begin(key, here)
	case x.SessionKey == "" || s.tester != nil || taught.Public:
		return nil
	case !s.known:
		return s.cookie(here)
	case s.moved(here):
		return s.move(here)
	case well || s.stale:
		return s.cookie(s.at) // with Odoo's own, so that both live as long
	}
	return nil
}

// begin pins a session that the answer has opened: on the backend that did. It is recorded
// when it replaces another (a login), or came from a sign-in without any: somebody who keeps
// no cookies of ours must be found too. A visitor's first page is not, nor an id that this
// Odoo cannot have made, or every crawler would leave thousands.
//
// The record of the session that was replaced ends, if the server that answered is the one
// that had it: on another the session still lives.
func (s *session) begin(key string, here routing.Pin) []string {
	x, records, answered := s.x, s.path.deps.Records, here.Backend
	signedIn := x.RPC.SignsIn() && (x.Outcome == "" || x.Outcome == odoo.OK)
	real := x.SessionKey != "" && (x.Pool.Auto || x.Pool.Profile.MakesSession(x.SessionKey))
	if real || signedIn {
		here = records.Keep(s.ctx, x.Tenant.Name, key, here)
	}
	if s.known && s.at.At(x.Release.Name, x.Pool.Name, answered) {
		records.Leave(x.Tenant.Name, x.SessionKey)
	}
	return s.cookie(here)
}

// moved tells whether the session lives elsewhere from now on. Where sessions live on the
// servers, one whose server is away only visits: that server still has it. This goes for a
// server that we do not know, too: another replica may have read of it before us.
func (s *session) moved(here routing.Pin) bool {
	x := s.x
	if x.Moved != routing.Stayed {
		s.path.metrics.moves.WithLabelValues(x.Tenant.Name, string(x.Moved)).Inc()
	}
	switch {
	case s.at.Release != here.Release && s.moves:
		s.path.metrics.moves.WithLabelValues(x.Tenant.Name, "cutover").Inc()
		return true
	case s.at.Release != here.Release:
		s.path.metrics.moves.WithLabelValues(x.Tenant.Name, "release gone").Inc()
		return true
	case s.at.Pool != here.Pool:
		s.path.metrics.moves.WithLabelValues(x.Tenant.Name, "pool changed").Inc()
	case x.Moved == routing.Stayed:
		return false
	}
	return x.Pool.Sessions == routing.SessionsShared
}

func (s *session) move(here routing.Pin) []string {
	to := s.decided(s.at.Moved(here.Release, here.Pool, here.Backend))
	return s.cookie(s.path.deps.Records.Keep(s.ctx, s.x.Tenant.Name, s.x.SessionKey, to))
}

// letTester takes a tester's pass, or says why not.
func (s *session) letTester(w http.ResponseWriter, pass string) {
	if pass == "" {
		return
	}
	tester, ok := s.path.deps.Pins.OpenTester(s.x.Tenant.Name, pass)
	why := ""
	switch {
	case !ok:
		why = "not a pass for this tenant"
		s.path.metrics.invalid.WithLabelValues("tester").Inc()
	case time.Now().After(tester.Until):
		why = "expired"
	case s.x.Tenant.Releases[tester.Release] == nil:
		why = "no such release"
	default:
		s.tester = &tester
		why = "on " + tester.Release
	}
	w.Header().Set(TesterHeader, why)
}
