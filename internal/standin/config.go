package standin

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says which Odoo to stand in for. The zero value of every field but Version is
// usable: a threaded Odoo 18 with the database "odoo", on ports that the kernel chooses.
type Config struct {
	Name    string // shown in every answer as X-Standin-Server
	Version string // "14.0" to "19.0"
	Release string // tells two builds of one version apart: assets hash, static content, X-Standin-Release

	HTTPAddr     string
	RealtimeAddr string // not opened in threaded mode
	ControlAddr  string // failing on demand; served without any worker
	Workers      int    // blocking HTTP workers; 0 is the threaded mode

	Databases      []string // every database of the PostgreSQL role
	DBNames        []string // like -d: what the server is limited to
	DBFilter       string   // like --db-filter, with %h and %d
	HeaderFilter   bool     // the OCA module dbfilter_from_header is loaded
	ProxyMode      bool
	NoDatabaseList bool
	MasterPassword string // "admin" unless said, and then the first caller may change it
	Languages      []string

	SessionDir  string // sessions/ is made below it; give several servers one to share it
	DatabaseDir string // journal of each database; give several servers one to share it
	Users       []User

	SocketTimeout    time.Duration // of the HTTP workers, per read and per write; 2 s
	SendBuffer       int           // SO_SNDBUF of the HTTP workers in bytes; 64 KiB
	LimitTimeReal    time.Duration // a worker that takes longer is killed; 120 s
	ReportTime       time.Duration // what a report takes; 1 s
	RegistryTime     time.Duration // what the first request of a database takes more; 0
	SessionRotation  time.Duration // soft rotation of version 19; 3 h
	SessionGrace     time.Duration // the old session id lives on; 120 s
	LongpollTimeout  time.Duration // 50 s
	WebsocketIdle    time.Duration // silence before the server pings; 45 s
	WebsocketPong    time.Duration // wait for an answer to it; 15 s
	WebsocketLife    time.Duration // before close 4002; 1 h
	WebsocketBurst   int           // frames in a burst before close 1013; 10, below 0 no limit
	CooldownFailures int           // failed logins before a pause per address; 5, below 0 none
	Cooldown         time.Duration // that pause; 60 s
}

// User may log in to the databases listed, or to all of them.
type User struct {
	UID       int      `json:"uid"`
	Login     string   `json:"login"`
	Password  string   `json:"password"`
	Databases []string `json:"databases,omitempty"`
	APIKeys   []string `json:"api_keys,omitempty"`
	Admin     bool     `json:"admin,omitempty"`
	Portal    bool     `json:"portal,omitempty"` // sees /my and no web client
}

// DefaultAPIKey is the key that the user admin has for a database when Config names no users.
func DefaultAPIKey(database string) string {
	sum := sha1.Sum([]byte("standin api key of " + database))
	return hex.EncodeToString(sum[:])
}

func (c Config) withDefaults() (Config, error) {
	text(&c.Name, "odoo")
	text(&c.Version, "18.0")
	text(&c.HTTPAddr, "127.0.0.1:0")
	text(&c.RealtimeAddr, "127.0.0.1:0")
	text(&c.ControlAddr, "127.0.0.1:0")
	text(&c.MasterPassword, "admin")
	span(&c.SocketTimeout, 2*time.Second)
	span(&c.LimitTimeReal, 120*time.Second)
	span(&c.ReportTime, time.Second)
	span(&c.SessionRotation, 3*time.Hour)
	span(&c.SessionGrace, 120*time.Second)
	span(&c.LongpollTimeout, 50*time.Second)
	span(&c.WebsocketIdle, 45*time.Second)
	span(&c.WebsocketPong, 15*time.Second)
	span(&c.WebsocketLife, time.Hour)
	span(&c.Cooldown, time.Minute)
	number(&c.SendBuffer, 64<<10)
	number(&c.WebsocketBurst, 10)
	number(&c.CooldownFailures, 5)
	if len(c.Databases) == 0 {
		c.Databases = []string{"odoo"}
	}
	if len(c.Languages) == 0 {
		c.Languages = []string{"en_US", "fr_FR"}
	}
	if len(c.Users) == 0 {
		c.Users = defaultUsers(c.Databases)
	}
	if major := c.major(); major < 14 || major > 19 {
		return c, fmt.Errorf("version %q: want 14.0 to 19.0", c.Version)
	}
	return c, nil
}

func text(field *string, otherwise string) {
	if *field == "" {
		*field = otherwise
	}
}

func span(field *time.Duration, otherwise time.Duration) {
	if *field == 0 {
		*field = otherwise
	}
}

func number(field *int, otherwise int) {
	if *field == 0 {
		*field = otherwise
	}
}

func (c Config) major() int {
	major, _, _ := strings.Cut(c.Version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

// defaultUsers are Odoo's own of a database with demonstration data.
func defaultUsers(databases []string) []User {
	users := []User{
		{UID: 6, Login: "demo", Password: "demo"},
		{UID: 7, Login: "portal", Password: "portal", Portal: true},
	}
	for _, database := range databases {
		users = append(users, User{
			UID: 2, Login: "admin", Password: "admin", Admin: true,
			Databases: []string{database}, APIKeys: []string{DefaultAPIKey(database)},
		})
	}
	return users
}

func (u User) in(database string) bool {
	return len(u.Databases) == 0 || slices.Contains(u.Databases, database)
}
