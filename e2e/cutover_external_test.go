package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// order is what somebody else's step was told.
type order struct {
	Event, Cutover, Tenant, From, To string
	key, signature                   string
}

// contractor does the external step: at first he says that he will call back.
type contractor struct {
	url string

	mu     sync.Mutex
	status int
	orders []order
}

func openContractor(t *testing.T, status int) *contractor {
	t.Helper()
	c := &contractor{status: status}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL + "/step"
	return c
}

func (c *contractor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := order{key: r.Header.Get("Idempotency-Key"), signature: r.Header.Get("X-Sluice-Signature")}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &o)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders = append(c.orders, o)
	w.WriteHeader(c.status)
}

func (c *contractor) heard() []order {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]order(nil), c.orders...)
}

// anExternalStepIsOrderedOnce: the webhook of a switch is told once, signed and under a key.
// Until it calls back the tenant's requests are held; then they are served by green.
func anExternalStepIsOrderedOnce(t *testing.T, s *site, tenant string) {
	c := openContractor(t, http.StatusAccepted)
	m := s.Start(t, tenant, "green", harness.Object{
		"strategy": "switch", "watch": "1s", "external": harness.Object{"webhook": c.url, "deadline": "2m"}, "hold": harness.Object{"wait": "2m"},
	})
	m.In(t, "external")
	harness.Eventually(t, harness.Patience, "the webhook is told", func() error {
		if n := len(c.heard()); n == 0 {
			return fmt.Errorf("it is not: %v", m.View(t))
		}
		return nil
	})
	served := make(chan string, 1)
	go func() {
		reply, err := s.Visitor(tenant, nil).Do(t.Context(), http.MethodGet, "/web/login", "")
		served <- fmt.Sprint(reply.Header.Get("X-Standin-Release"), err)
	}()
	s.heldIs(t, tenant, 1)
	m.Must(t, "confirm")
	if by := <-served; by != "green<nil>" {
		t.Errorf("what was held was served by %s", by)
	}
	m.Ended(t, "completed")
	orders := c.heard()
	if len(orders) != 1 || orders[0].key == "" || orders[0].signature == "" || orders[0].Cutover != m.ID || orders[0].Tenant != tenant || orders[0].To != "green" {
		t.Errorf("the webhook was told %+v", orders)
	}
}

// gitAgreesInTheEnd: a completed cutover holds until it is declared, and says so meanwhile.
func gitAgreesInTheEnd(t *testing.T, s *site, tenant string) {
	effective := func(what string, active string, drifted bool) {
		t.Helper()
		harness.Eventually(t, harness.Patience, what, func() error {
			for i, g := range s.All {
				var e struct {
					Declared, Active string
					Drifted          bool
				}
				if err := g.API().Get(t.Context(), "/tenants/"+tenant+"/effective", &e); err != nil {
					return err
				}
				if e.Active != active || e.Drifted != drifted {
					return fmt.Errorf("replica %d: %+v", i, e)
				}
			}
			return nil
		})
	}
	effective("as declared", "blue", false)
	m := s.Start(t, tenant, "green", harness.Object{"strategy": "failover", "watch": "1s"})
	m.Ended(t, "completed")
	effective("it has drifted", "green", true)
	s.All.Write(t, "tenants/"+tenant+".yaml", harness.SiteTenant(harness.SiteConfig{Active: "green"}, tenant, "blue", "green"))
	effective("Git agrees", "green", false)
	s.Settled(t, tenant, "green")
}
