package odoo

import (
	"strconv"
	"strings"
)

// Profile is one Odoo version as data. Nothing else in the gateway asks for a version.
type Profile struct {
	Version string // "18.0"
	Major   int

	// Websocket says that the realtime port serves /websocket (16 on), Longpolling that it
	// serves /longpolling (before). Exactly one of them is set.
	Websocket   bool
	Longpolling bool

	OdooPrefix     bool // the web client lives under /odoo (18 on)
	JSON1          bool // GET /json/1/... (18 on)
	JSON2          bool // POST /json/2/<model>/<method> (19 on)
	LangPrefixes   bool // http_routing serves /<lang>/... for any page, RPC included
	DatabaseHeader bool // X-Odoo-Database selects the database (19 on)

	SessionLength  int  // of a session id: 40 lower hex, or 84 of A-Z a-z 0-9 _ -
	SessionStable  int  // its leading part that stays while the session lives
	SoftRotation   bool // the rest changes every three hours, without a login (19 on)
	SessionByQuery bool // ?session_id= and X-Openerp-Session-Id beat the cookie (before 18)

	HealthPath     string // answers without a session
	HealthDatabase string // query that makes HealthPath probe PostgreSQL; "" when it cannot
	WarmPath       string // needs the host's database, so that a server loads it, and no session

	// AssetPrefix starts the paths of asset bundles: /web/assets/<7 hex>/ (17 on),
	// /web/assets/<id>-<hash>/ (15, 16), /web/content/<id>-<hash>/ (14).
	AssetPrefix string
	// AssetID says that the first segment after AssetPrefix is <id>-<hash>.
	AssetID bool
}

// profiles holds one profile per version, oldest first. It is a function because a slice
// cannot be a constant and package state is not allowed.
func profiles() []Profile {
	p14 := Profile{
		Version: "14.0", Major: 14, Longpolling: true, LangPrefixes: true,
		SessionLength: hexSession, SessionStable: hexSession, SessionByQuery: true,
		// 14 has no /web/health; a file proves that the server answers.
		HealthPath: "/web/static/src/img/favicon.ico",
		// Nothing lighter needs a database there; the session that it makes is nobody's.
		WarmPath:    "/web/login",
		AssetPrefix: "/web/content/", AssetID: true,
	}
	p15 := p14
	p15.Version, p15.Major = "15.0", 15
	p15.HealthPath = "/web/health"
	p15.WarmPath = p15.HealthPath // any page of 15 loads the host's database first
	p15.AssetPrefix = "/web/assets/"

	p16 := p15
	p16.Version, p16.Major = "16.0", 16
	p16.Longpolling, p16.Websocket = false, true
	p16.WarmPath = "/websocket/health" // 404 without a database

	p17 := p16
	p17.Version, p17.Major = "17.0", 17
	p17.AssetID = false

	p18 := p17
	p18.Version, p18.Major = "18.0", 18
	p18.OdooPrefix, p18.JSON1 = true, true
	p18.SessionLength, p18.SessionStable = longSession, longSession
	p18.SessionByQuery = false
	p18.HealthDatabase = "db_server_status=1"

	p19 := p18
	p19.Version, p19.Major = "19.0", 19
	p19.JSON2, p19.DatabaseHeader = true, true
	p19.SoftRotation, p19.SessionStable = true, stableSession
	return []Profile{p14, p15, p16, p17, p18, p19}
}

// ProfileFor returns the profile of version and whether it is known exactly. An unknown
// version gets the nearest older one that is known ("saas~18.2" reads as 18.0), or the
// oldest or newest; one that is no version at all gets the newest.
func ProfileFor(version string) (Profile, bool) {
	all := profiles()
	for _, p := range all {
		if p.Version == version {
			return p, true
		}
	}
	major, minor, ok := parseVersion(version)
	if !ok {
		return all[len(all)-1], false
	}
	best, exact := all[0], false
	for _, p := range all {
		if p.Major <= major {
			best, exact = p, p.Major == major && minor == 0
		}
	}
	return best, exact
}

// parseVersion reads "18", "18.0", "18.0+e", "18.0-20250725", "saas-18.2" and "saas~18.2".
func parseVersion(version string) (major, minor int, ok bool) {
	v := strings.ToLower(strings.TrimSpace(version))
	saas := strings.HasPrefix(v, "saas")
	v = strings.TrimLeft(strings.TrimPrefix(v, "saas"), "~-")
	head, rest := splitDigits(v)
	major, err := strconv.Atoi(head)
	if err != nil {
		return 0, 0, false
	}
	if strings.HasPrefix(rest, ".") {
		tail, _ := splitDigits(rest[1:])
		minor, _ = strconv.Atoi(tail)
	}
	if saas && minor == 0 {
		minor = 1 // a saas release is never the exact one
	}
	return major, minor, true
}

func splitDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}
