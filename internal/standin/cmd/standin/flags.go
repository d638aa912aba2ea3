package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"sluicegate.dev/sluice/internal/standin"
)

// configFrom reads the flags. With -config, a JSON file of flag names and values is read
// first, and the flags of the command line win over it.
func configFrom(args []string) (standin.Config, error) {
	var cfg standin.Config
	var file, same string
	if err := flags(&standin.Config{}, &file, os.Stderr).Parse(args); err != nil {
		return cfg, err
	}
	set := flags(&cfg, &same, io.Discard)
	if file != "" {
		if err := setFromFile(set, file); err != nil {
			return cfg, err
		}
	}
	return cfg, set.Parse(args)
}

func flags(cfg *standin.Config, file *string, output io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("standin", flag.ContinueOnError)
	set.SetOutput(output)
	set.StringVar(file, "config", "", "JSON `file` of flag names and values")
	textFlags(set, cfg)
	set.IntVar(&cfg.Workers, "workers", 0, "blocking HTTP workers; 0 is threaded mode")
	set.BoolVar(&cfg.HeaderFilter, "header-filter", false, "load dbfilter_from_header")
	set.BoolVar(&cfg.ProxyMode, "proxy-mode", false, "trust X-Forwarded headers")
	set.BoolVar(&cfg.NoDatabaseList, "no-database-list", false, "disable the database manager")
	set.Func("databases", "comma-separated `names` of all databases", list(&cfg.Databases))
	set.Func("database", "comma-separated `names` the server is limited to (-d of Odoo)", list(&cfg.DBNames))
	set.Func("languages", "comma-separated `codes` of installed languages", list(&cfg.Languages))
	set.Func("users", "JSON `array` of users", func(text string) error { return json.Unmarshal([]byte(text), &cfg.Users) })
	set.IntVar(&cfg.SendBuffer, "send-buffer", 0, "send buffer of a worker's socket in bytes")
	set.IntVar(&cfg.WebsocketBurst, "websocket-burst", 0, "websocket frames in a burst; below 0 no limit")
	set.IntVar(&cfg.CooldownFailures, "cooldown-failures", 0, "failed logins before a pause; below 0 none")
	timeFlags(set, cfg)
	return set
}

func textFlags(set *flag.FlagSet, cfg *standin.Config) {
	for _, f := range []struct {
		field       *string
		name, usage string
	}{
		{&cfg.Name, "name", "`name` shown in every answer"},
		{&cfg.Version, "odoo", "Odoo `version`, 14.0 to 19.0"},
		{&cfg.Release, "release", "`label` of the build"},
		{&cfg.HTTPAddr, "http", "`address` of the HTTP port"},
		{&cfg.RealtimeAddr, "realtime", "`address` of the realtime port"},
		{&cfg.ControlAddr, "control", "`address` of the control port"},
		{&cfg.DBFilter, "db-filter", "regular `expression` with %h and %d"},
		{&cfg.MasterPassword, "master-password", "`password` of the database manager"},
		{&cfg.SessionDir, "session-dir", "`directory` of the sessions"},
		{&cfg.DatabaseDir, "database-dir", "`directory` of the databases"},
	} {
		set.StringVar(f.field, f.name, "", f.usage)
	}
}

func timeFlags(set *flag.FlagSet, cfg *standin.Config) {
	set.DurationVar(&cfg.SocketTimeout, "socket-timeout", 0, "stall after which a worker gives up")
	set.DurationVar(&cfg.LimitTimeReal, "limit-time-real", 0, "time after which a worker is killed")
	set.DurationVar(&cfg.ReportTime, "report-time", 0, "what a report takes")
	set.DurationVar(&cfg.RegistryTime, "registry-time", 0, "what loading a database takes at its first request")
	set.DurationVar(&cfg.SessionRotation, "session-rotation", 0, "age at which version 19 rotates a session")
	set.DurationVar(&cfg.SessionGrace, "session-grace", 0, "time that the old session id lives on")
	set.DurationVar(&cfg.LongpollTimeout, "longpoll-timeout", 0, "longest wait of a long poll")
	set.DurationVar(&cfg.WebsocketIdle, "websocket-idle", 0, "silence before a ping")
	set.DurationVar(&cfg.WebsocketPong, "websocket-pong", 0, "wait for a pong")
	set.DurationVar(&cfg.WebsocketLife, "websocket-life", 0, "age at which a websocket is closed")
	set.DurationVar(&cfg.Cooldown, "cooldown", 0, "pause after failed logins")
}

func list(field *[]string) func(string) error {
	return func(text string) error {
		*field = strings.Split(text, ",")
		return nil
	}
}

// setFromFile sets flags from a JSON object. A list of texts is joined by commas, any other
// structure is handed over as JSON.
func setFromFile(set *flag.FlagSet, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("read config %s: %w", file, err)
	}
	for name, raw := range values {
		var text string
		var texts []string
		switch {
		case json.Unmarshal(raw, &text) == nil:
		case json.Unmarshal(raw, &texts) == nil:
			text = strings.Join(texts, ",")
		default:
			text = string(raw)
		}
		if err := set.Set(name, text); err != nil {
			return fmt.Errorf("config %s: %s: %w", file, name, err)
		}
	}
	return nil
}
