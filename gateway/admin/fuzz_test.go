package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// Whatever an operator sends: it is refused with a sentence, or it is a plan that begins.
func FuzzCutoverRequest(f *testing.F) {
	for _, text := range []string{
		start, `{"to":"green","reason":"CHG-1","strategy":"shift","shares":[{"percent":10,"for":"1m"},{"percent":100}],"mode":"all"}`,
		`{"to":"green","reason":"CHG-1","strategy":"switch","hold":{"wait":"10s","count":5,"bytes":9},"external":{"deadline":"1m","noReturn":true}}`,
		`{"to":"green","reason":"CHG-1","strategy":"failover"}`, `{"to":"green","reason":"CHG-1","classes":["rpc"],"paths":["/edi/**"]}`,
		`{"to":"green","reason":"CHG-1","deadline":"-9223372036854775808ns","watch":"1h","gates":{"failures":1e308,"window":"0s"}}`,
	} {
		f.Add(text)
	}
	n := newNight(f, nil)
	f.Fuzz(func(t *testing.T, text string) {
		n.t = t
		n.runtime.forget()
		status, answer := n.send("POST", acmePath+"/cutovers", text, map[string]string{"If-Match": "*"})
		begun := n.runtime.tenants["acme"].Cutover != nil
		switch {
		case status == http.StatusAccepted && begun:
			var change api.CutoverChange
			if err := json.Unmarshal([]byte(answer), &change); err != nil || change.Cutover == nil || change.Cutover.To == "blue" {
				t.Errorf("%v in %s", err, answer)
			}
		case status >= 500, status < 400, begun, !strings.Contains(answer, `"detail"`):
			t.Errorf("%d %s, begun: %v", status, answer, begun)
		}
	})
}

func FuzzExpiry(f *testing.F) {
	for _, text := range []string{"2h", "", "-1s", "2026-11-23T06:00:00Z", "9999999h", "0s", "2026-11-23T06:00:00+14:00"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		until, err := expiry(text, now)
		switch {
		case err != nil && until != nil, err == nil && until == nil && text != "":
			t.Errorf("%q: %v, %v", text, until, err)
		case until != nil && !until.After(now):
			t.Errorf("%q ends at %s, before it has begun", text, until)
		}
	})
}
