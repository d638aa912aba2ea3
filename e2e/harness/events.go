package harness

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Event is one server-sent event.
type Event struct{ ID, Name, Data string }

// Events reads a stream of the admin API from the event after last on, until it ends or heard
// says that it has enough.
func (a *API) Events(ctx context.Context, path, last string, heard func(Event) (enough bool)) error {
	header := []string{"Accept: text/event-stream"}
	if last != "" {
		header = append(header, "Last-Event-ID: "+last)
	}
	request, err := a.request(ctx, http.MethodGet, path, nil, header)
	if err != nil {
		return err
	}
	answer, err := a.client.Transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	var e Event
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if lines.Text() == "" {
			if e.Data != "" && heard(e) {
				return nil
			}
			e = Event{}
			continue
		}
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data += value
		}
	}
	return nil
}
