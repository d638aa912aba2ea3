package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// Event is one event of a stream.
type Event struct {
	ID   string // empty: it may be missed, and is not sent again
	Name string
	Data []byte
}

// silence is how long a stream may say nothing before it counts as broken: the gateway says
// something each second.
const silence = 15 * time.Second

// maxEvent bounds one line of a stream.
const maxEvent = 1 << 20

// stream calls heard for the events of a path, from the one after last on, until the stream
// ends, ctx ends or heard returns an error. It returns nil when the gateway ended it.
func (c *Client) stream(ctx context.Context, path, last string, heard func(Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	if last != "" {
		header.Set("Last-Event-ID", last)
	}
	response, err := c.sendWith(ctx, http.MethodGet, api.Prefix+path, header, nil)
	if err != nil {
		return silent(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return refused(c.target, response, text)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, 4<<10), maxEvent)
	var e Event
	for lines.Scan() {
		quiet.Reset(silence)
		if !e.take(lines.Text()) {
			continue
		}
		if err := heard(e); err != nil {
			return err
		}
		e = Event{}
	}
	if err := lines.Err(); err != nil {
		return silent(ctx, c.unreachable(err))
	}
	return nil
}

var errSilent = fmt.Errorf("the gateway said nothing for %s", silence)

// silent names the silence when it was that which ended the stream.
func silent(ctx context.Context, err error) error {
	if context.Cause(ctx) == errSilent { //nolint:errorlint // compared by identity: it is our own cause
		return errSilent
	}
	return err
}

// take reads one line, and tells whether it ends an event that says something.
func (e *Event) take(line string) bool {
	if line == "" {
		said := len(e.Data) > 0
		if !said {
			*e = Event{}
		}
		return said
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "id":
		e.ID = value
	case "event":
		e.Name = value
	case "data":
		if len(e.Data) > 0 {
			e.Data = append(e.Data, '\n')
		}
		e.Data = append(e.Data, value...)
	}
	return false
}
