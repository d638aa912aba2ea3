package harness

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRecorderKeepsARequestAsItCame(t *testing.T) {
	r := NewRecorder(t, "one")
	e := Raw(t, r.Addr, "POST /a%2Fb HTTP/1.1\r\nHost: x\r\nX_odd: 1\r\nx-ODD: 2\r\nContent-Length: 2\r\n\r\nhi")
	if e.Status() != 200 || !e.Closed || !strings.Contains(e.Body(), "served by one") {
		t.Errorf("got %v", e)
	}
	seen := r.Matching("/a%2Fb")
	if len(seen) != 1 || string(seen[0].Body) != "hi" || strings.Join(seen[0].Get("X-Odd"), ",") != "1,2" || seen[0].Header[1][0] != "X_odd" {
		t.Errorf("kept %+v", seen)
	}
}

func TestRawReadsPipelinedAnswers(t *testing.T) {
	f := NewFast(t)
	one := "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
	if e := Raw(t, f.Addr, one+one); len(e.Answers) != 2 || e.Closed {
		t.Errorf("got %v", e)
	}
	if e := Raw(t, f.Addr, "nonsense\r\n\r\n"); e.Status() != 400 || !e.Closed {
		t.Errorf("got %v", e)
	}
}

func TestLoadCountsWhatFails(t *testing.T) {
	f := NewFast(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	load := &Load{Rate: 100, Request: func() *http.Request {
		request, _ := http.NewRequest(http.MethodGet, "http://"+f.Addr+"/x", nil)
		return request
	}, Good: func(answer *http.Response) bool { return answer.StatusCode == http.StatusTeapot }}
	report := load.Run(ctx)
	if report.Sent < 50 || report.Good != 0 || report.Bad["200 OK"] != report.Sent {
		t.Errorf("got %v", report)
	}
}

func TestMetricsAreSummedByLabels(t *testing.T) {
	m, err := parseMetrics(strings.NewReader("# HELP a b\na{x=\"1\",y=\"2\"} 3\na{x=\"1\"} 4\na{x=\"2\"} 1e3\nb 5\n"))
	if err != nil || m.Sum("a", `x="1"`) != 7 || m.Sum("b") != 5 || m.Has("c") {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestAClaimedPortIsGivenToNobodyElse(t *testing.T) {
	port := FreePort(t)
	if claim, err := claimPort(port); err == nil {
		claim.Close()
		t.Errorf("port %d was given out twice", port)
	}
	t.Run("until the test ends", func(t *testing.T) { port = FreePort(t) })
	claim, err := claimPort(port)
	if err != nil {
		t.Fatalf("port %d is still claimed: %v", port, err)
	}
	claim.Close()
}
