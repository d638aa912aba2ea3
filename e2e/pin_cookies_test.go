package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

const pinName = "sluice_pin"

// forgedPins are values of the pin cookie that were not sealed for the tenant. Two are at
// hand: one of the client's own, and one that leads to where it must not go.
func forgedPins(own, there, rival string) map[string]string {
	return map[string]string{
		"of another tenant's user on the same pool": rival,
		"with another server in it":                 transplant(own, there),
		"with a changed signature":                  damage(there),
		"cut short":                                 there[:len(there)/2],
		"without a signature":                       there[:strings.LastIndexByte(there, '.')],
		"that is none":                              strings.Repeat("A", 4000),
		"that is empty":                             "",
	}
}

// TestCookiesThatAreNotOurs: what a client may send in place of its own cookies. Nobody may be
// sent to another server by it, and nobody may be signed out.
func TestCookiesThatAreNotOurs(t *testing.T) {
	t.Parallel()
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 4, []string{"a", "b", "c"})
	documents := odoos.documents(nil) + "---\n" + harness.Tenant("rival", "acme", "acme", []string{"rival.test"})
	all := harness.NewReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{"acme.yaml": documents})
	all[:2].Start(t)
	storeIs(t, all[:2], true)
	wires := harness.NewWires(webs(all[:2])...)
	t.Cleanup(wires.Close)
	user := signedInAt(t, wires, "acme.test", nil)
	away := func(home string) bool { return home != user.Home }
	other, rival := signedInAt(t, wires, "acme.test", away), signedInAt(t, wires, "rival.test", away)
	own, theirs := user.Cookies(), other.Cookies()
	rows := map[string]string{ // the whole header; {sid} and {pin} are the user's own
		"his own":                     "session_id={sid}; sluice_pin={pin}",
		"no pin":                      "session_id={sid}",
		"two pins, the first forged":  "sluice_pin=" + damage(theirs[pinName]) + "; session_id={sid}; sluice_pin={pin}",
		"two sessions, his own first": "session_id={sid}; session_id=" + theirs["session_id"],
		"two sessions, his own first, and his pin": "session_id={sid}; session_id=" + theirs["session_id"] + "; sluice_pin={pin}",
		"a malformed session first":                "session_id=../../etc; session_id={sid}",
		"a session in quotes":                      `session_id="{sid}"`,
		"a session with a blank before the sign":   "session_id ={sid}",
		"a name in another case":                   "Session_Id=" + theirs["session_id"] + "; session_id={sid}",
	}
	for name, pin := range forgedPins(own[pinName], theirs[pinName], rival.Cookies()[pinName]) {
		rows["a pin "+name] = "session_id={sid}; sluice_pin=" + pin
	}
	for name, cookie := range rows {
		t.Run(name, func(t *testing.T) {
			header := strings.NewReplacer("{sid}", own["session_id"], "{pin}", own[pinName]).Replace(cookie)
			for _, g := range all[:2] {
				reply := harness.Get(t, harness.Client(g.Web), "http://acme.test/odoo", "Cookie: "+header)
				if server := reply.Header.Get("X-Standin-Server"); reply.Status != http.StatusOK || server != user.Home {
					t.Errorf("%d from %s, want 200 from %s", reply.Status, server, user.Home)
				}
			}
		})
	}
	const madeUp = 6 // requests of the second id below; 18 takes none of 40 characters
	for name, id := range map[string]string{"40 characters": strings.Repeat("0a", 20), "84 characters": strings.Repeat("aB3_", 21)} {
		t.Run("an id of nobody, "+name, func(t *testing.T) {
			unknownID(t, all[:2], redis, id)
		})
	}
	odoos.wantForeign(t, madeUp)
	forgedAlone(t, redis, wires, all[2])
}

// forgedAlone: a replica that knows nothing but the cookie, as the store was flushed. A pin
// that it cannot trust counts as none, and none means what every replica computes from the
// session alone.
func forgedAlone(t *testing.T, redis *harness.Redis, wires *harness.Wires, fresh *harness.Gateway) {
	t.Helper()
	user := signedInAt(t, wires, "acme.test", nil)
	everywhere := map[string][]*harness.User{} // of this tenant and of the other, by server
	for _, home := range []string{"a", "b", "c"} {
		at := func(server string) bool { return server == home }
		everywhere[home] = []*harness.User{signedInAt(t, wires, "acme.test", at), signedInAt(t, wires, "rival.test", at)}
	}
	redis.Do(t, "FLUSHALL")
	fresh.Start(t)
	client := harness.Client(fresh.Web)
	serverOf := func(cookie string) string {
		return harness.Get(t, client, "http://acme.test/shop", "Cookie: "+cookie).Header.Get("X-Standin-Server")
	}
	session := "session_id=" + user.Cookies()["session_id"]
	computed := serverOf(session)
	delete(everywhere, computed)
	delete(everywhere, user.Home) // his own signature makes a sound pin of a pin to there
	var there, rival *harness.User
	for _, pair := range everywhere {
		there, rival = pair[0], pair[1]
	}
	if got := serverOf(session + "; sluice_pin=" + there.Cookies()[pinName]); got != there.Home {
		t.Errorf("a pin of this tenant leads to %s, want %s: the rows below prove nothing", got, there.Home)
	}
	for name, pin := range forgedPins(user.Cookies()[pinName], there.Cookies()[pinName], rival.Cookies()[pinName]) {
		if got := serverOf(session + "; sluice_pin=" + pin); got != computed {
			t.Errorf("alone, a pin %s: served by %s, want %s as without it", name, got, computed)
		}
	}
}

// unknownID: every replica sends it to the same server, and none writes it down.
func unknownID(t *testing.T, all harness.Replicas, redis *harness.Redis, id string) {
	t.Helper()
	before := len(redis.Keys(t, "sluice:v1:pin:*"))
	var servers []string
	for range 3 {
		for _, g := range all {
			reply := harness.Get(t, harness.Client(g.Web), "http://acme.test/shop", "Cookie: session_id="+id)
			servers = append(servers, reply.Header.Get("X-Standin-Server"))
		}
	}
	if slices.Sort(servers); servers[0] != servers[len(servers)-1] {
		t.Errorf("it went to %v", servers)
	}
	if after := len(redis.Keys(t, "sluice:v1:pin:*")); after != before {
		t.Errorf("%d new pins", after-before)
	}
}

// signedInAt signs users in until one is at a server that will do.
func signedInAt(t *testing.T, wires *harness.Wires, host string, will func(home string) bool) *harness.User {
	t.Helper()
	for i := range 60 {
		u := harness.NewUser(wires, host)
		if err := u.SignIn(t.Context(), person(i)); err != nil {
			t.Fatal(err)
		}
		if u.Cookies()[pinName] == "" {
			t.Fatalf("no pin among %v", u.Cookies())
		}
		if will == nil || will(u.Home) {
			return u
		}
	}
	t.Fatal("all users are at one server")
	return nil
}

// transplant puts what one pin says under the signature of another.
func transplant(signature, content string) string {
	return content[:strings.LastIndexByte(content, '.')] + signature[strings.LastIndexByte(signature, '.'):]
}

// damage changes a bit of the signature.
func damage(pin string) string {
	at := strings.LastIndexByte(pin, '.')
	mac, err := base64.RawURLEncoding.DecodeString(pin[at+1:])
	if err != nil || len(mac) == 0 {
		return pin + "A"
	}
	mac[0] ^= 1
	return pin[:at+1] + base64.RawURLEncoding.EncodeToString(mac)
}

// TestSessionIDsOfEveryLength: 17 makes ids of 40 characters, 18 of 84; 19 changes the second half of its own
// every while, and that is no new session.
func TestSessionIDsOfEveryLength(t *testing.T) {
	for version, length := range map[string]int{"17.0": 40, "18.0": 84, "19.0": 84} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			redis := harness.StartRedis(t)
			odoos := newFarm(t, version, 4, []string{"a", "b", "c"}, "-session-rotation", "500ms")
			all := harness.StartReplicas(t, 2, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{"acme.yaml": odoos.documents(nil)})
			storeIs(t, all, true)
			wires := harness.NewWires(webs(all)...)
			t.Cleanup(wires.Close)
			trial := &storeTrial{t: t, odoos: odoos, all: all, wires: wires}
			users := append(trial.programs(20), trial.arrive(10)...)
			changed := 0
			first := users[0].Cookies()["session_id"]
			_ = harness.Poll(harness.Patience, func() error {
				each(users, 4, func(_ int, u *harness.User) { trial.crowd.visitOld(t.Context(), u) })
				if now := users[0].Cookies()["session_id"]; now != first {
					changed++
				}
				if version == "19.0" && changed == 0 {
					return fmt.Errorf("no rotation yet")
				}
				return nil
			})
			if len(first) != length || (changed > 0) != (version == "19.0") {
				t.Errorf("an id of %d characters, changed %d times", len(first), changed)
			}
			pins, late := len(redis.Keys(t, "sluice:v1:pin:acme:*")), int(unanswered(t, all))
			if pins+late < len(users) || pins > len(users)+10 {
				t.Errorf("%d pins for %d users, and %d calls without an answer", pins, len(users), late)
			}
			done, bad, _ := trial.crowd.report()
			odoos.judge(t, unanswered(t, all), done, bad)
		})
	}
}

// visitOld lets a user look at pages in two windows at once: one of them may still hold the
// id from before a rotation.
func (c *crowd) visitOld(ctx context.Context, u *harness.User) {
	window := u.Twin()
	c.visit(ctx, u)
	c.visit(ctx, window)
}
