package harness

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// StandIn is a running stand-in Odoo.
type StandIn struct {
	*Process
	Name, Version           string
	Workers                 int
	HTTP, Realtime, Control string // addresses
}

// StandInConfig says which Odoo. The zero value is an Odoo 18 of four workers with a
// database of its name.
type StandInConfig struct {
	Name      string
	Version   string
	Databases string // separated by commas; the name when empty
	Workers   int
	Args      []string // more flags
}

// EchoPath is a page of the stand-in that real Odoo lacks: it answers with what arrived,
// and with the hash of the body.
const EchoPath = "/standin/echo"

// BytesPath is the path of a file of so many bytes.
func BytesPath(size int) string { return fmt.Sprintf("/web/static/size/%d.bin", size) }

// EchoSocket is the path of the bus as a browser of that Odoo asks for it; an event that
// Odoo does not know comes back.
func EchoSocket(version string) string {
	switch version {
	case "18.0":
		return "/websocket?version=18.0-5"
	case "19.0":
		return "/websocket?version=19.0-2"
	}
	return "/websocket"
}

// StartStandIn starts one; it ends with the test.
func StartStandIn(t testing.TB, c StandInConfig) *StandIn {
	t.Helper()
	s := &StandIn{Name: c.Name, Workers: c.Workers, HTTP: FreeAddr(t), Realtime: FreeAddr(t), Control: FreeAddr(t)}
	if s.Workers == 0 {
		s.Workers = 4
	}
	if c.Version == "" {
		c.Version = "18.0"
	}
	s.Version = c.Version
	if c.Databases == "" {
		c.Databases = c.Name
	}
	s.Process = Start(t, Command{
		Name: "standin " + c.Name, Path: Binary(t, "STANDIN_BIN", "standin"), Dir: t.TempDir(),
		Args: append([]string{
			"-name", c.Name, "-odoo", c.Version, "-databases", c.Databases, "-workers", fmt.Sprint(s.Workers),
			"-http", s.HTTP, "-realtime", s.Realtime, "-control", s.Control,
		}, c.Args...),
	})
	Eventually(t, Patience, "the stand-in "+c.Name+" answers", func() error {
		_, err := s.counters()
		return err
	})
	return s
}

// Counters are what the stand-in tells of itself, as far as tests look at it.
type Counters struct {
	Workers struct {
		Busy        int
		Connections int
		BusySeconds float64 `json:"busy_seconds"`
	}
	Routes     map[string]int
	Websockets int // open now
	Databases  map[string]struct{ Methods, Markers map[string]int }
	Sessions   map[string]SessionCounts // by database
	Load       LoadCounts
	// Registries are the databases in memory, by process ("http", "realtime") and name.
	Registries map[string]map[string]Registry
}

// LoadCounts say how hard the stand-in was pressed. It can have more workers than a gateway is
// told of: then Most shows how many that gateway really uses.
type LoadCounts struct {
	Now, Most           int // requests at the HTTP workers, but for health checks
	Left                int // requests whose client had gone when the answer was ready
	Handshakes          int
	HandshakesAtOnce    int `json:"handshakes_at_once"`
	HandshakesPerSecond int `json:"handshakes_per_second"`
	Databases           map[string]struct {
		Now, Most, Handshakes int
		HandshakesAtOnce      int `json:"handshakes_at_once"`
	}
}

// Registry says who met a database that was not in memory.
type Registry struct {
	Warm     bool
	LoadedBy string `json:"loaded_by"` // the User-Agent
	Early    int    // requests that came before it was loaded, the one that had it loaded too
}

// SessionCounts say what became of the sessions that clients named.
type SessionCounts struct {
	Requests         int
	Unknown          int // no such session here
	Foreign          int // the session of another server: the wrong one
	SignOuts         int `json:"sign_outs"`         // nobody asked for
	AnonymousSockets int `json:"anonymous_sockets"` // websockets that should have had a user
}

// Counters asks the control port, which no worker serves.
func (s *StandIn) Counters(t testing.TB) Counters {
	t.Helper()
	counters, err := s.counters()
	if err != nil {
		t.Fatalf("%s: %v", s.Process.Name, err)
	}
	return counters
}

func (s *StandIn) counters() (Counters, error) {
	var c Counters
	answer, err := http.Get("http://" + s.Control + "/standin/counters")
	if err != nil {
		return c, err
	}
	defer answer.Body.Close()
	return c, json.NewDecoder(answer.Body).Decode(&c)
}

// Tell makes the stand-in fail, or heals it: a document for its control port.
func (s *StandIn) Tell(t testing.TB, document string) {
	t.Helper()
	answer, err := http.Post("http://"+s.Control+"/standin/control", "application/json", strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the stand-in does not take %s: %s", document, answer.Status)
	}
}

// APIKey is the key of the stand-in's administrator for a database.
func APIKey(database string) string {
	return fmt.Sprintf("%x", sha1.Sum([]byte("standin api key of "+database)))
}

// Echo is a request as the stand-in saw it.
type Echo struct {
	Server     string
	Database   string `json:"db"`
	Scheme     string
	Host       string
	RemoteAddr string `json:"remote_addr"`
	Realtime   bool
	Target     string
	BodySHA256 string `json:"body_sha256"`
	Headers    [][2]string
}

// Header lists the values of a header, by any of its spellings that WSGI takes for one.
func (e Echo) Header(name string) []string { return Seen{Header: e.Headers}.Get(name) }

// GetEcho asks for an echo.
func GetEcho(t testing.TB, client *http.Client, url string, header ...string) Echo {
	t.Helper()
	reply := Get(t, client, url, header...)
	var e Echo
	if err := json.Unmarshal([]byte(reply.Body), &e); err != nil || reply.Status != http.StatusOK {
		t.Fatalf("echo: %d %v %.300s", reply.Status, err, reply.Body)
	}
	return e
}

// Writes tells which servers executed each write of a database, by its token.
func (s *StandIn) Writes(t testing.TB, database string) map[string][]string {
	t.Helper()
	answer, err := http.Get("http://" + s.Control + "/standin/writes?database=" + database)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var writes map[string][]string
	if err := json.NewDecoder(answer.Body).Decode(&writes); err != nil {
		t.Fatalf("writes of %s: %v", database, err)
	}
	return writes
}
