package standin

import (
	"maps"
	"time"
)

// Counters say what a server did since it started.
type Counters struct {
	Server      string                    `json:"server"`
	Workers     WorkerCounters            `json:"workers"`
	Requests    int64                     `json:"requests"` // of ports with keep-alive
	Faults      int64                     `json:"faults"`   // requests that a rule took
	Routes      map[string]int64          `json:"routes"`
	Reports     ReportCounts              `json:"reports"`
	Websockets  int                       `json:"websockets"`
	Connections map[string]int            `json:"connections"` // open now, by port
	Databases   map[string]DatabaseCounts `json:"databases"`
	Sessions    map[string]SessionCounts  `json:"sessions"` // by database
	Load        LoadCounts                `json:"load"`

	Registries map[string]map[string]RegistryCounts `json:"registries"` // by process ("http", "realtime") and database
}

// WorkerCounters tell how busy the HTTP workers were; a connection counts from the moment a
// worker takes it.
type WorkerCounters struct {
	Total       int     `json:"total"`
	Busy        int64   `json:"busy"`
	Connections int64   `json:"connections"`
	BusySeconds float64 `json:"busy_seconds"` // of connections that are over
}

// DatabaseCounts are executions of model methods, over all servers that share the database;
// reads count on this server only.
type DatabaseCounts struct {
	Methods map[string]int `json:"methods"` // "res.partner.create"
	Markers map[string]int `json:"markers"` // executions per token of a write
	Records map[string]int `json:"records"` // per model
}

// Counters returns them.
func (s *Server) Counters() Counters {
	counters := Counters{
		Server: s.cfg.Name, Requests: s.requests.Load(), Faults: s.faults.acted.Load(), Routes: s.routes.hits(), Reports: s.reports.counts(), Websockets: s.sockets.count(),
		Workers: WorkerCounters{
			Total: s.cfg.Workers, Busy: s.workers.busy.Load(), Connections: s.workers.calls.Load(),
			BusySeconds: time.Duration(s.workers.spent.Load()).Seconds(),
		},
		Connections: map[string]int{"http": s.http.openConns()}, Databases: map[string]DatabaseCounts{}, Sessions: s.counts.all(), Load: s.load.counts(), Registries: s.registries.counts(),
	}
	if s.realtime != nil {
		counters.Connections["realtime"] = s.realtime.openConns()
	}
	for name, st := range s.databases.opened() {
		st.read(func() {
			counts := DatabaseCounts{Methods: maps.Clone(st.counts), Markers: times(st.markers), Records: map[string]int{}}
			for model, records := range st.records {
				counts.Records[model] = len(records)
			}
			counters.Databases[name] = counts
		})
	}
	return counters
}

// State is what a server remembers of its configuration and its databases.
type State struct {
	Server       string                       `json:"server"`
	Version      string                       `json:"version"`
	Release      string                       `json:"release"`
	Databases    []string                     `json:"databases"`
	Params       map[string]map[string]string `json:"params"` // ir.config_parameter, by database
	DatabaseDown bool                         `json:"db_down"`
	Uptime       float64                      `json:"uptime"`
}

// State returns it.
func (s *Server) State() State {
	state := State{
		Server: s.cfg.Name, Version: s.cfg.Version, Release: s.cfg.Release, Databases: s.databases.list(),
		Params: map[string]map[string]string{}, DatabaseDown: s.faults.down.Load(), Uptime: time.Since(s.started).Seconds(),
	}
	for name, st := range s.databases.opened() {
		st.read(func() { state.Params[name] = maps.Clone(st.params) })
	}
	return state
}
