package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

func busRoutes(major int) []*route {
	if major < 16 {
		return []*route{
			{path: "/longpolling/poll", kind: jsonRoute, auth: authPublic, handle: longpoll},
			{path: "/longpolling/health", stateless: true, addon: true, handle: busHealth},
		}
	}
	return []*route{
		{path: "/websocket", auth: authPublic, handle: websocket},
		{path: "/websocket/health", stateless: true, addon: true, handle: busHealth},
		{path: "/websocket/peek_notifications", kind: jsonRoute, auth: authPublic, handle: peekNotifications},
		{path: "/websocket/update_bus_presence", kind: jsonRoute, auth: authPublic, handle: func(c *call) error { return c.result(object{}) }},
		{path: "/websocket/on_closed", kind: jsonRoute, auth: authPublic, handle: func(c *call) error { return c.result(nil) }},
		{path: "/bus/websocket_worker_bundle", auth: authPublic, handle: workerBundle},
	}
}

func busHealth(c *call) error {
	c.header.Set("Cache-Control", "no-store")
	return c.send(http.StatusOK, "application/json", []byte(`{"status": "pass"}`))
}

func workerBundle(c *call) error {
	c.header.Set("Cache-Control", "no-cache")
	c.header.Set("Content-Type", "application/javascript; charset=utf-8")
	return c.serveFile("websocket_worker_bundle.js", strings.NewReader("/* worker of Odoo "+c.srv.cfg.Version+" */\n"))
}

// peekNotifications is the bus by polling, which Odoo.sh's proxy uses. The first poll marks
// the session; without the mark the session counts as expired.
func peekNotifications(c *call) error {
	if first, _ := c.params["is_first_poll"].(bool); first {
		c.session.Websocket, c.session.dirty = true, true
	} else if !c.session.Websocket {
		return errSessionExpired
	}
	st, err := c.srv.databases.store(c.db)
	if err != nil {
		return err
	}
	wanted, _ := c.params["channels"].([]any)
	channels := allowedChannels(wanted, c.session.UID)
	found, _ := st.since(asInt(c.params["last"]), channels)
	return c.result(object{"channels": channels, "notifications": wireForm(found)})
}

// longpoll is the bus of versions before 16. A blocking worker refuses to wait.
func longpoll(c *call) error {
	if !c.realtime {
		return errors.New("bus.Bus not available in web worker")
	}
	st, err := c.srv.databases.store(c.db)
	if err != nil {
		return err
	}
	wanted, _ := c.params["channels"].([]any)
	channels := allowedChannels(wanted, c.session.UID)
	timeout := time.NewTimer(c.srv.cfg.LongpollTimeout)
	defer timeout.Stop()
	for {
		found, more := st.since(asInt(c.params["last"]), channels)
		if len(found) > 0 {
			rows := []any{}
			for _, n := range found {
				rows = append(rows, object{"id": n.id, "channel": n.channel, "message": object{"type": n.kind, "payload": n.payload}})
			}
			return c.result(rows)
		}
		select {
		case <-more:
		case <-timeout.C:
			return c.result([]any{})
		case <-c.ctx.Done():
			return errKilled
		}
	}
}

// Push is a notification for a channel, at POST /standin/bus. Every session listens to
// "broadcast" and a user's also to "res.users_" and the uid.
type Push struct {
	Database string `json:"db,omitempty"` // needed if there are several
	Channel  string `json:"channel"`
	Type     string `json:"type,omitempty"`
	Payload  any    `json:"payload"`
}

// Push sends a notification to every websocket that listens to its channel, on every server
// that shares the database.
func (s *Server) Push(push Push) error {
	if all := s.databases.list(); push.Database == "" && len(all) == 1 {
		push.Database = all[0]
	}
	if !s.databases.exists(push.Database) {
		return fmt.Errorf("push: no database %q", push.Database)
	}
	if push.Type == "" {
		push.Type = "standin"
	}
	st, err := s.databases.store(push.Database)
	if err != nil {
		return err
	}
	return st.notify(push.Channel, push.Type, push.Payload)
}

func busHook(c *call) error {
	body, err := io.ReadAll(c)
	if err != nil {
		return badBody(err)
	}
	push := Push{Database: c.db}
	if err := json.Unmarshal(body, &push); err != nil {
		return newHTTPError(http.StatusBadRequest, err.Error())
	}
	if err := c.srv.Push(push); err != nil {
		return newHTTPError(http.StatusBadRequest, err.Error())
	}
	return c.sendJSON(http.StatusOK, object{})
}
