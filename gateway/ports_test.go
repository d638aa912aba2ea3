package gateway

import (
	"testing"

	"sluicegate.dev/sluice/gateway/edge"
)

func TestHTTPSPort(t *testing.T) {
	for rule, c := range map[string]struct {
		entryPoints []edge.EntryPoint
		public      map[string]int
		port        int
		ok          bool
	}{
		"no entry point with TLS: no redirect": {[]edge.EntryPoint{{Name: "web", Address: ":80"}}, nil, 0, false},
		"an entry point with TLS is 443":       {[]edge.EntryPoint{{Name: "tls", Address: ":8443", TLS: true}}, nil, 443, true},
		"its public port counts":               {[]edge.EntryPoint{{Name: "tls", Address: ":8443", TLS: true}}, map[string]int{"tls": 9443}, 9443, true},
		"websecure needs no declaration":       {[]edge.EntryPoint{{Name: "websecure", Address: ":8443"}}, nil, 443, true},
		"nor does port 443":                    {[]edge.EntryPoint{{Name: "public", Address: "0.0.0.0:443/tcp"}}, nil, 443, true},
		"the status port never counts":         {[]edge.EntryPoint{{Name: "traefik", Address: ":443", Status: true}}, nil, 0, false},
	} {
		t.Run(rule, func(t *testing.T) {
			if port, ok := httpsPort(c.entryPoints, c.public); port != c.port || ok != c.ok {
				t.Errorf("got %d, %v; want %d, %v", port, ok, c.port, c.ok)
			}
		})
	}
}

func TestOwnListeners(t *testing.T) {
	got := ownListeners([]edge.EntryPoint{{Address: ":8080"}, {Address: "127.0.0.1:8082/tcp"}, {Address: "name:1"}}, "localhost:9080")
	want := []string{"[::]:8080", "127.0.0.1:8082", "127.0.0.1:9080"}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
}
