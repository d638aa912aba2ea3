package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Control is what the control port takes at POST /standin/control. Fields that are absent
// change nothing.
type Control struct {
	Rules          *[]*Rule `json:"rules,omitempty"`           // replace all rules; an empty list heals
	DatabaseDown   *bool    `json:"db_down,omitempty"`         // the database server is away, or back
	Refuse         *bool    `json:"refuse,omitempty"`          // close the listening sockets, or open them again
	Saturate       Seconds  `json:"saturate,omitempty"`        // all workers are busy for so long
	RefuseFor      Seconds  `json:"refuse_for,omitempty"`      // as a restart does
	RestartGevent  Seconds  `json:"restart_gevent,omitempty"`  // drop the realtime process and start it again after so long
	DropWebsockets bool     `json:"drop_websockets,omitempty"` // TCP close without a close frame
	CloseCode      int      `json:"close_code,omitempty"`      // close every websocket with this code
	Stop           string   `json:"stop,omitempty"`            // "term" or "kill"
	ForgetLoaded   bool     `json:"forget_loaded,omitempty"`   // databases have to be loaded again, as after a restart
	ResetLoad      bool     `json:"reset_load,omitempty"`      // begin to count the load anew
}

// Apply makes the server fail as told.
func (s *Server) Apply(control Control) error {
	if control.Rules != nil {
		s.faults.set(*control.Rules)
	}
	if control.DatabaseDown != nil {
		s.faults.down.Store(*control.DatabaseDown)
		s.databases.wake()
	}
	if control.Saturate > 0 {
		s.faults.saturate(time.Now().Add(control.Saturate.Duration()))
	}
	if control.CloseCode > 0 {
		s.sockets.closeAll(control.CloseCode)
	}
	if control.DropWebsockets {
		s.sockets.dropAll()
	}
	if control.ForgetLoaded {
		s.registries.forget("http")
		s.registries.forget("realtime")
	}
	if control.ResetLoad {
		s.load.reset()
	}
	switch control.Stop {
	case "term":
		s.Stop()
	case "kill":
		s.Kill()
	}
	return s.applyPorts(control)
}

func (s *Server) applyPorts(control Control) error {
	refuse := control.Refuse
	for _, p := range s.ports() {
		switch {
		case refuse != nil && *refuse, control.RefuseFor > 0:
			p.shut()
		case refuse != nil:
			if err := p.open(); err != nil {
				return err
			}
		}
		if control.RefuseFor > 0 {
			s.reopenAfter(p, control.RefuseFor)
		}
	}
	if control.RestartGevent > 0 && s.realtime != nil {
		s.realtime.shut()
		s.realtime.drop()
		s.registries.forget("realtime")
		s.reopenAfter(s.realtime, control.RestartGevent)
	}
	return nil
}

// reopenAfter opens a port again, unless the server stops first.
func (s *Server) reopenAfter(p *port, wait Seconds) {
	s.timersLock.Lock()
	defer s.timersLock.Unlock()
	if s.timersOver {
		return
	}
	s.timers.Go(func() {
		select {
		case <-s.stopping:
			return
		case <-time.After(wait.Duration()):
		}
		if err := p.open(); err != nil {
			s.Stop()
		}
	})
}

func (s *Server) endTimers() {
	s.timersLock.Lock()
	s.timersOver = true
	s.timersLock.Unlock()
	s.timers.Wait()
}

func (s *Server) ports() []*port {
	if s.realtime == nil {
		return []*port{s.http}
	}
	return []*port{s.http, s.realtime}
}

func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /standin/control", func(w http.ResponseWriter, r *http.Request) {
		var control Control
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&control); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := s.Apply(control); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "{}")
	})
	mux.HandleFunc("POST /standin/bus", func(w http.ResponseWriter, r *http.Request) {
		var push Push
		if err := json.NewDecoder(r.Body).Decode(&push); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := s.Push(push); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "{}")
	})
	mux.HandleFunc("GET /standin/counters", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Counters()) })
	mux.HandleFunc("GET /standin/writes", func(w http.ResponseWriter, r *http.Request) {
		writes, err := s.Writes(r.URL.Query().Get("database"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		writeJSON(w, writes)
	})
	mux.HandleFunc("GET /standin/state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.State()) })
	return mux
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", jsonType)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
