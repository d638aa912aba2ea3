package standin

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Writes tells for each token that a write carried which servers executed it, one name for each
// time. The token is the value "marker" of a create or write by any RPC, or the form field
// "marker" of an upload or a web hook. Servers that share the database tell the same, also of
// a server that has died.
func (s *Server) Writes(database string) (map[string][]string, error) {
	if !s.databases.exists(database) {
		return nil, fmt.Errorf("no database %q", database)
	}
	st, err := s.databases.store(database)
	if err != nil {
		return nil, err
	}
	writes := map[string][]string{}
	err = st.view(func() {
		for marker, by := range st.markers {
			writes[marker] = slices.Clone(by)
		}
	})
	return writes, err
}

// remember makes a record, which carries the token unless that is empty.
func (c *call) remember(model, marker string) error {
	st, err := c.srv.databases.store(c.db)
	if err != nil {
		return err
	}
	values := object{}
	if marker != "" {
		values["marker"] = marker
	}
	return st.change(func() (*entry, error) {
		return &entry{Op: "create", By: c.srv.cfg.Name, Model: model, IDs: []int{st.lastID[model] + 1}, Values: values}, nil
	})
}

func times(markers map[string][]string) map[string]int {
	counts := make(map[string]int, len(markers))
	for marker, by := range markers {
		counts[marker] = len(by)
	}
	return counts
}

// ReportCounts are reports and exports of one server.
type ReportCounts struct {
	Begun int64 `json:"begun"`
	Done  int64 `json:"done"` // begun, and not killed meanwhile
}

type reports struct{ begun, done atomic.Int64 }

func (r *reports) counts() ReportCounts {
	done := r.done.Load() // first, or there could be more done than begun
	return ReportCounts{Begun: r.begun.Load(), Done: done}
}
