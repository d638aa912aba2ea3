package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"sluicegate.dev/sluice/e2e/harness"
)

// graceTimes keep the test short: the gateway accepts for 4 s after SIGTERM and then gives
// what is in flight 10 s.
const graceTimes = "        transport: {lifeCycle: {requestAcceptGraceTimeout: 4s, graceTimeOut: 10s}}\n"

// TestStopDropsNothing: SIGTERM under load. Whatever arrives while the gateway still
// accepts is answered, what is in flight is finished, and websockets are told to come back.
func TestStopDropsNothing(t *testing.T) {
	t.Parallel()
	backend := harness.NewFast(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{EntryPoint: graceTimes}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}),
	})
	sockets := openSockets(t, gateway, 50)

	loading, stopLoad := context.WithCancel(context.Background())
	defer stopLoad()
	load := &harness.Load{Rate: 200, Request: func() *http.Request {
		request, _ := http.NewRequest(http.MethodGet, "http://"+gateway.Web+"/web", nil)
		request.Host = "acme.test"
		return request
	}}
	reports := make(chan harness.Report, 1)
	go func() { reports <- load.Run(loading) }()
	slow := make(chan error, 1)
	go func() {
		reply, err := harness.TryDo(harness.Client(gateway.Web), harness.NewRequest(t, http.MethodPost, "http://acme.test/sleep/6s", "x"))
		if err == nil && reply.Status != http.StatusOK {
			err = fmt.Errorf("status %d", reply.Status)
		}
		slow <- err
	}()
	harness.Eventually(t, harness.Patience, "the slow request is in flight", func() error {
		if backend.Count("POST /sleep/6s") == 0 {
			return fmt.Errorf("not yet")
		}
		return nil
	})

	asked := time.Now()
	_ = gateway.Signal(syscall.SIGTERM)
	harness.Eventually(t, 3*time.Second, "not ready any more", func() error {
		if status, err := gateway.AdminStatus("/ready"); err == nil && status != http.StatusServiceUnavailable {
			return fmt.Errorf("/ready says %d", status)
		}
		return nil
	})
	<-time.After(time.Until(asked.Add(3 * time.Second)))
	stopLoad()
	report := <-reports
	t.Logf("%v", report)
	if len(report.Bad) > 0 || report.Good == 0 {
		t.Errorf("requests failed while stopping: %v", report)
	}
	if err := <-slow; err != nil {
		t.Errorf("the request in flight: %v", err)
	}
	sockets(t)
	code, err := gateway.ExitCode(30 * time.Second)
	if err != nil || code != 0 {
		t.Errorf("exit code %d, %v; want 0", code, err)
	}
}

// openSockets opens websockets and returns what checks how they ended.
func openSockets(t *testing.T, gateway *harness.Gateway, count int) func(*testing.T) {
	t.Helper()
	var group sync.WaitGroup
	codes := make(chan websocket.StatusCode, count)
	for range count {
		conn, _, err := harness.WebSocket(t.Context(), gateway.Web, "acme.test", "/websocket?version=18.0-5", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		group.Go(func() {
			_, _, err := conn.Read(context.Background())
			codes <- websocket.CloseStatus(err)
		})
	}
	return func(t *testing.T) {
		t.Helper()
		ended := make(chan struct{})
		go func() {
			group.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(harness.Patience):
			t.Error("websockets are open long after SIGTERM")
			return
		}
		close(codes)
		for code := range codes {
			// 1000 would tell Odoo's client never to come back.
			if code != websocket.StatusGoingAway && code != websocket.StatusServiceRestart {
				t.Errorf("a websocket ended with %d, want 1001 or 1012", code)
			}
		}
	}
}

// TestStopDuringStart: SIGTERM while the gateway is still starting ends it in 5 s.
func TestStopDuringStart(t *testing.T) {
	for _, after := range []time.Duration{0, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		t.Run(fmt.Sprintf("after %v", after), func(t *testing.T) {
			t.Parallel()
			gateway := harness.NewGateway(t, harness.GatewayConfig{}, map[string]string{
				// A backend that never answers must not hold up the end.
				"acme.yaml": harness.Both("acme", "acme", "127.0.0.1:9", []string{"acme.test"}),
			})
			gateway.Launch(t)
			<-time.After(after)
			asked := time.Now()
			_ = gateway.Signal(syscall.SIGTERM)
			code, err := gateway.ExitCode(harness.Patience)
			if took := time.Since(asked); err != nil || took > 5*time.Second {
				t.Errorf("ended after %v with %d, %v; want within 5 s", took, code, err)
			}
		})
	}
}
