package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// Bounds of one way to move.
const (
	maxShares   = 50
	maxWebhooks = 10
	maxVerify   = 20
	longestMove = 30 * 24 * time.Hour
)

func (c *checker) cutover(field string, s *CutoverSpec) {
	c.duration(field+".deadline", s.Deadline, time.Second, longestMove)
	c.duration(field+".idle", s.Idle, time.Second, longestMove)
	c.duration(field+".watch", s.Watch, time.Second, longestMove)
	c.shares(field+".shares", s.Shares)
	c.hold(field+".hold", s.Hold)
	c.duration(field+".gates.window", s.Gates.Window, time.Second, 24*time.Hour)
	c.duration(field+".verify.deadline", s.Verify.Deadline, time.Second, time.Hour)
	c.asked(field+".verify.paths", s.Verify.Paths)
	if s.External != nil {
		c.callURL(field+".external.webhook", s.External.Webhook)
		c.duration(field+".external.deadline", s.External.Deadline, time.Second, longestMove)
	}
	c.preflight(field+".preflight", s.Preflight)
	if s.Failover != nil {
		c.failover(field+".failover", s.Failover)
	}
	if len(s.Webhooks) > maxWebhooks {
		c.fail(field+".webhooks", "", "at most %d webhooks", maxWebhooks)
		return
	}
	for i, raw := range s.Webhooks {
		c.callURL(fmt.Sprintf("%s.webhooks[%d]", field, i), raw)
	}
}

// shares wants a share that grows: a lower one would call people back.
func (c *checker) shares(field string, list []ShareSpec) {
	if len(list) > maxShares {
		c.fail(field, "", "at most %d stages", maxShares)
		return
	}
	for i, s := range list {
		where := fmt.Sprintf("%s[%d]", field, i)
		if i > 0 && s.Percent <= list[i-1].Percent && !c.broken(where) && !c.broken(fmt.Sprintf("%s[%d]", field, i-1)) {
			c.fail(where+".percent", "each stage is larger than the one before", "%v after %v", s.Percent, list[i-1].Percent)
		}
		c.duration(where+".for", s.For, time.Second, longestMove)
	}
}

func (c *checker) hold(field string, s HoldSpec) {
	c.duration(field+".wait", s.Wait, time.Second, 10*time.Minute)
	for i, class := range s.Classes {
		where := fmt.Sprintf("%s.classes[%d]", field, i)
		switch odoo.Class(class) {
		case odoo.Static, odoo.Health, odoo.Realtime:
			c.fail(where, "leave it out", "requests of class %s never wait: static files and health pass, sockets are told to come back", class)
		}
	}
}

// asked are paths that we call ourselves.
func (c *checker) asked(field string, list []string) {
	if len(list) > maxVerify {
		c.fail(field, "", "at most %d paths", maxVerify)
		return
	}
	for i, path := range list {
		where := fmt.Sprintf("%s[%d]", field, i)
		u, err := url.Parse(path)
		if c.broken(where) {
			continue
		}
		if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || u.Fragment != "" || strings.ContainsAny(path, " *\\\r\n\t") {
			c.fail(where, "write it as /web/login", "%q is not a path that can be asked", shorten(path))
		}
	}
}

func (c *checker) preflight(field string, s PreflightSpec) {
	c.callURL(field+".webhook", s.Webhook)
	if (s.Login == "") != (s.KeyFile == "") && !c.broken(field) {
		c.fail(field, "", "login and keyFile go together")
	}
}

func (c *checker) failover(field string, s *FailoverSpec) {
	c.duration(field+".after", s.After, time.Second, time.Hour)
	if s.Check != nil {
		c.callURL(field+".check.url", s.Check.URL)
		c.duration(field+".check.maxLag", s.Check.MaxLag, time.Second, 24*time.Hour)
		c.duration(field+".check.wait", s.Check.Wait, time.Second, time.Hour)
	}
}

// callURL checks a URL that the gateway calls: never one that answers for the machine or
// the cloud.
func (c *checker) callURL(field, raw string) {
	if raw == "" || c.broken(field) {
		return
	}
	if _, message, hint := callEndpoint(raw); message != "" {
		c.fail(field, hint, "%s", message)
	}
}

// callEndpoint is where a URL leads that the gateway calls, or what is wrong with it.
func callEndpoint(raw string) (e endpoint, message, hint string) {
	const example = "write it as https://deploy.example/hooks/sluice"
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > 2048 || strings.ContainsAny(raw, " \t\r\n\\"):
		return e, fmt.Sprintf("%q is not a URL", shorten(raw)), example
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return e, "want an http or https URL", example
	case u.User != nil:
		return e, "the URL holds a user name or password", "calls are signed: check the header X-Sluice-Signature instead"
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return e, "a fragment is never sent", "leave out the part from # on"
	}
	e, message, hint = parseEndpoint(u.Scheme + "://" + u.Host)
	if hint == nowhere {
		hint = "the gateway never calls it"
	}
	return e, message, hint
}
