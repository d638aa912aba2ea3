package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// StandIn is a running stand-in Odoo.
type StandIn struct {
	*Process
	HTTP, Realtime, Control string // addresses
}

// StandInConfig says which Odoo. The zero value is an Odoo 18 of four workers with a
// database of its name.
type StandInConfig struct {
	Name      string
	Databases string // separated by commas; the name when empty
	Workers   int
	Args      []string // more flags
}

func StartStandIn(t testing.TB, c StandInConfig) *StandIn {
	_ = json.Valid
	_ = fmt.Sprint
	_ = http.MethodGet
	_ = time.Now
	return nil
}
func BytesPath(n int) string { return "" }

const HashPath = ""

func (s *StandIn) Busy(t testing.TB) int { return 0 }
