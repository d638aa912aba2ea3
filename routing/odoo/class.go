package odoo

// Class is what a path means to Odoo.
type Class string

// The classes. An operator may add names of their own.
const (
	Web      Class = "web"      // the web client, websites, everything else
	Realtime Class = "realtime" // websocket (from 16 on), longpolling (before)
	RPC      Class = "rpc"      // XML-RPC, JSON-RPC, JSON-2
	Report   Class = "report"   // slow answers: reports and exports
	Portal   Class = "portal"   // customers' pages
	Static   Class = "static"   // files and asset bundles: no session, cacheable
	Health   Class = "health"   // Odoo's own health pages
	Manager  Class = "manager"  // the database manager and the db service: closed unless opened
)
