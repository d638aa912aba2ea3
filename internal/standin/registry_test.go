package standin

import (
	"sync"
	"testing"
	"time"
)

const registryLoad = 150 * time.Millisecond

// TestTheFirstRequestLoadsItsDatabase: it takes a while, whoever comes meanwhile waits as well,
// and each process loads for itself.
func TestTheFirstRequestLoadsItsDatabase(t *testing.T) {
	s := start(t, Config{Workers: 4, Databases: []string{"a", "b"}, DBFilter: "^%d$", RegistryTime: registryLoad})
	get := func(addr, host, agent string) (took time.Duration) {
		began := time.Now()
		a := raw(t, addr, "GET /web/login HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\nUser-Agent: "+agent+"\r\n\r\n")
		want(t, host, a.StatusCode, 200)
		return time.Since(began)
	}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if took := get(s.HTTPAddr(), "a.example", "people"); took < registryLoad/2 {
				t.Errorf("answered after %v, before the database can have been loaded", took)
			}
		})
	}
	group.Wait()
	get(s.HTTPAddr(), "a.example", "people")
	first := s.Counters().Registries["http"]["a"]
	if !first.Warm || first.Early != 3 || first.LoadedBy != "people" {
		t.Errorf("after three at once and one later: %+v", first)
	}
	if took := get(s.RealtimeAddr(), "a.example", "somebody"); took < registryLoad {
		t.Errorf("the realtime process answered after %v: it has a memory of its own", took)
	}
	get(s.HTTPAddr(), "b.example", "else")
	if all := s.Counters().Registries; len(all["http"]) != 2 || all["realtime"]["a"].LoadedBy != "somebody" || all["http"]["b"].Early != 1 {
		t.Errorf("counted %+v", all)
	}
}

func TestWhatMakesAServerForgetItsDatabases(t *testing.T) {
	for name, c := range map[string]struct {
		happens        Control
		http, realtime bool // still known
	}{
		"nothing":                       {Control{}, true, true},
		"its realtime process restarts": {Control{RestartGevent: 0.001}, true, false},
		"it is told to":                 {Control{ForgetLoaded: true}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Workers: 1})
			for _, addr := range []string{s.HTTPAddr(), s.RealtimeAddr()} {
				raw(t, addr, "GET /web/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			}
			apply(t, s, c.happens)
			all := s.Counters().Registries
			want(t, "workers", all["http"]["odoo"].Warm, c.http)
			want(t, "realtime", all["realtime"]["odoo"].Warm, c.realtime)
		})
	}
}

// TestAKilledLoaderLeavesTheWorkToTheNext: a database whose load was cut short is not in memory.
func TestAKilledLoaderLeavesTheWorkToTheNext(t *testing.T) {
	s := start(t, Config{Workers: 2, RegistryTime: registryLoad, LimitTimeReal: registryLoad / 3})
	conn := dial(t, s.HTTPAddr())
	if _, err := conn.Write([]byte("GET /web/login HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("a worker that was killed answered")
	}
	if known := s.Counters().Registries["http"]["odoo"]; known.Warm {
		t.Errorf("the database counts as loaded: %+v", known)
	}
}
