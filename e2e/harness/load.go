package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Load sends requests at a constant rate, whatever the answers do: a slow answer delays no
// later request, and its latency counts from the moment it should have been sent. (A
// closed loop would send less just when the server is bad.) With a rate of 0 it is a closed
// loop after all, for floods: each client sends the next request when it has an answer.
type Load struct {
	Rate    int                  // requests a second; 0: as fast as answers come
	Clients int                  // requests at once at most; 0: 256
	Pause   time.Duration        // of a client whose answer was bad, in a closed loop
	Hasty   bool                 // what has no answer when Run's context ends is given up, and does not count
	Request func() *http.Request // makes one request
	// Good judges an answer; nil: 2xx is good.
	Good func(*http.Response) bool

	transport *http.Transport
	mu        sync.Mutex
	report    Report
}

// Report is what a load saw.
type Report struct {
	Sent, Good int
	Bad        map[string]int // by status or error
	latencies  []time.Duration
}

// String is one line.
func (r Report) String() string {
	return fmt.Sprintf("%d sent, %d good, bad %v, p50 %v p99 %v max %v", r.Sent, r.Good, r.Bad,
		r.Quantile(0.5), r.Quantile(0.99), r.Quantile(1))
}

// Quantile of the latencies of all requests, the bad ones too.
func (r Report) Quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.latencies))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Microsecond)
}

// Run sends until ctx ends and returns when every answer is there.
func (l *Load) Run(ctx context.Context) Report {
	clients := l.Clients
	if clients == 0 {
		clients = 256
	}
	l.report = Report{Bad: map[string]int{}}
	l.transport = &http.Transport{
		MaxIdleConns: clients, MaxIdleConnsPerHost: clients, IdleConnTimeout: time.Minute,
		DialContext: (&net.Dialer{Timeout: 20 * time.Second}).DialContext, DisableCompression: true,
	}
	defer l.transport.CloseIdleConnections()
	sending := context.WithoutCancel(ctx)
	if l.Hasty {
		sending = ctx
	}
	if l.Rate == 0 {
		l.loop(ctx, sending, clients)
		return l.report
	}
	due := make(chan time.Time, 1<<16)
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for at := range due {
				l.one(sending, at)
			}
		})
	}
	l.schedule(ctx, due)
	close(due)
	group.Wait()
	return l.report
}

// loop has each client send one request after the other.
func (l *Load) loop(ctx, sending context.Context, clients int) {
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				if l.one(sending, time.Now()) {
					continue
				}
				select {
				case <-time.After(l.Pause):
				case <-ctx.Done():
				}
			}
		})
	}
	group.Wait()
}

// schedule hands out the moments at which requests are due.
func (l *Load) schedule(ctx context.Context, due chan<- time.Time) {
	start, sent := time.Now(), 0
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for want := 1 + int(now.Sub(start).Seconds()*float64(l.Rate)); sent < want; sent++ { // the first is due at once
				due <- start.Add(time.Duration(float64(sent) / float64(l.Rate) * float64(time.Second)))
			}
		}
	}
}

// one sends a request and says whether the answer was good.
func (l *Load) one(ctx context.Context, due time.Time) bool {
	request := l.Request()
	// No answer in a minute is an error of the server, not a reason to wait.
	patience, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answer, err := l.transport.RoundTrip(request.WithContext(patience))
	verdict := ""
	switch {
	case err != nil:
		verdict = "error: " + err.Error()
	default:
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		good := answer.StatusCode >= 200 && answer.StatusCode < 300
		if l.Good != nil {
			good = l.Good(answer)
		}
		if err != nil {
			verdict = "body: " + err.Error()
		} else if !good {
			verdict = answer.Status
		}
	}
	if ctx.Err() == nil {
		l.count(verdict, time.Since(due))
	}
	return verdict == ""
}

func (l *Load) count(verdict string, latency time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Sent++
	l.report.latencies = append(l.report.latencies, latency)
	if verdict == "" {
		l.report.Good++
		return
	}
	// Error texts hold the local port; without it equal errors count together.
	if len(verdict) > 160 {
		verdict = verdict[:160]
	}
	l.report.Bad[verdict]++
}
