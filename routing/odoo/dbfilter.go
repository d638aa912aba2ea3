package odoo

import "strings"

// Headers that the gateway sets for Odoo, and never a client.
const (
	// DBFilterHeader is read by OCA's dbfilter_from_header in proxy mode.
	DBFilterHeader = "X-Odoo-Dbfilter"
	// DatabaseHeader selects the database of a JSON-2 call (19 on).
	DatabaseHeader = "X-Odoo-Database"
)

// DBFilter returns the value of DBFilterHeader that matches database and nothing else. The
// module uses re.match, which anchors at the start only, so both ends are written out. It
// is \Z and not $, which would match before a newline too.
func DBFilter(database string) string {
	var out strings.Builder
	out.Grow(len(database) + 8)
	out.WriteByte('^')
	for i := 0; i < len(database); i++ {
		// What Python's re.escape escapes.
		if strings.IndexByte("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", database[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(database[i])
	}
	out.WriteString(`\Z`)
	return out.String()
}
