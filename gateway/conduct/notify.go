package conduct

import (
	"context"
	"strconv"
	"sync"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

// Notice tells a webhook one line of a cutover's timeline.
type Notice struct {
	Event    string    `json:"event"` // "cutover.event", or "cutover.undo" for the webhook of an external step
	Cutover  string    `json:"cutover"`
	Tenant   string    `json:"tenant"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Strategy string    `json:"strategy"`
	Index    int       `json:"index"` // of the timeline: the order, as notices may overtake each other
	At       time.Time `json:"at"`
	Phase    string    `json:"phase"`
	Actor    string    `json:"actor"`
	Text     string    `json:"text"`
}

const (
	noticesMost    = 256 // that wait; more are dropped: a dead webhook must not fill the memory
	noticesAtOnce  = 4
	noticeLimit    = 10 * time.Second
	noticeAttempts = 3
)

// notifier sends notices, beside the cutover: nobody waits for them.
type notifier struct {
	call    *caller
	waiting chan letter
	metrics *metrics
	log     warner
}

type letter struct {
	url, id string
	notice  Notice
}

func newNotifier(call *caller, m *metrics, log warner) *notifier {
	return &notifier{call: call, waiting: make(chan letter, noticesMost), metrics: m, log: log}
}

// lines is how many a cutover's timeline has had, those that are left out too.
func lines(c *cutover.Cutover) int { return c.Dropped + len(c.Timeline) }

// tell queues the lines of a timeline from one on for those who are to hear them.
func (n *notifier) tell(c cutover.Cutover, from int) {
	for i := max(from-c.Dropped, 0); i < len(c.Timeline); i++ {
		e, line := c.Timeline[i], c.Dropped+i
		notice := Notice{
			Event: "cutover.event", Cutover: c.ID, Tenant: c.Tenant, From: c.From, To: c.Plan.To, Strategy: string(c.Plan.Strategy),
			Index: line, At: e.At, Phase: string(e.Phase), Actor: e.Actor, Text: e.Text,
		}
		id := c.ID + "/" + strconv.Itoa(line)
		for _, url := range c.Plan.Webhooks {
			n.put(letter{url, id, notice})
		}
		// Whoever did the external step hears that it is not wanted any more.
		if undone := e.Phase == cutover.Aborting && (i == 0 || c.Timeline[i-1].Phase != cutover.Aborting); undone && c.Plan.External != nil && c.Plan.External.Webhook != "" {
			notice.Event = "cutover.undo"
			n.put(letter{c.Plan.External.Webhook, id + "/undo", notice})
		}
	}
}

func (n *notifier) put(l letter) {
	select {
	case n.waiting <- l:
	default:
		n.metrics.calls.WithLabelValues("notice", "dropped").Inc()
		n.log.Warn("too many notices wait: one is dropped", "tenant", l.notice.Tenant, "cutover", l.notice.Cutover)
	}
}

// run sends until ctx ends.
func (n *notifier) run(ctx context.Context) {
	var senders sync.WaitGroup
	for range noticesAtOnce {
		senders.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case l := <-n.waiting:
					n.send(ctx, l)
				}
			}
		})
	}
	senders.Wait()
}

// send delivers one notice. It is repeated only while nobody can be reached: what arrived
// once is not sent again.
func (n *notifier) send(ctx context.Context, l letter) {
	wait := time.Second
	for attempt := 1; ; attempt++ {
		err := n.once(ctx, l)
		if err == nil {
			return
		}
		if !unsent(err) || attempt == noticeAttempts || !pause(ctx, wait) {
			if ctx.Err() == nil {
				n.log.Warn("a webhook did not take a notice", "tenant", l.notice.Tenant, "cutover", l.notice.Cutover, "err", err)
			}
			return
		}
		wait *= 2
	}
}

func (n *notifier) once(ctx context.Context, l letter) error {
	ctx, cancel := context.WithTimeout(ctx, noticeLimit)
	defer cancel()
	r, err := n.call.post(ctx, l.url, l.id, l.notice)
	if err == nil && r.status >= 300 {
		err = refused(r)
	}
	n.metrics.called("notice", err)
	return err
}
