package odoo

// Call is what an RPC body or a sign-in asks for. The strings are copies of bounded size.
type Call struct {
	Service  string // object, common, db; session or form for a sign-in; json2; XML-RPC: set by NewScannerFor
	Method   string // execute_kw, login, ...
	Database string
	UID      string // digits, of an object call
	Login    string // of a sign-in

	Model       string // of an object call
	ModelMethod string
	// Records counts the first argument of the model's method: the ids of a read, the rows
	// of a create. Calls without a list count 1 when they have an argument at all.
	Records int
	// Rows counts the second argument, as far as it is a list: what an import loads.
	Rows int
	// Limit is how many records a search asks for at most. 0: no bound, or none that could be
	// read.
	Limit int
	// Unsure says that the records could not be counted.
	Unsure bool

	// Truncated says that Login was cut: it is too long to be kept, and to be real.
	Truncated bool
	// Empty says that there was no body.
	Empty bool
}

// SignsIn tells whether the call carries a login and a password instead of a session or uid.
func (c Call) SignsIn() bool {
	return c.Service == "session" || c.Service == "form" ||
		(c.Service == "common" && (c.Method == "login" || c.Method == "authenticate"))
}

// BodyError says why a body was refused. The reason is a stable word for answers and logs;
// it never holds a part of the body.
type BodyError struct {
	Reason string
	Offset int64 // bytes read before the fault
}

// The reasons.
const (
	ReasonMalformed = "malformed"        // Odoo could not read it either, or only by accident
	ReasonTooDeep   = "nested too deep"  // more than 64 levels
	ReasonTooLong   = "name too long"    // names 128 bytes, credential 4 KiB
	ReasonDuplicate = "duplicate member" // two of what decides
	ReasonEncoding  = "foreign encoding" // not UTF-8, US-ASCII or (XML) ISO-8859-1
	ReasonMarkup    = "forbidden markup" // DOCTYPE, ENTITY, CDATA, comments, instructions
	ReasonTrailing  = "trailing data"    // something after the end
	ReasonType      = "wrong type"       // a database or name that is no text
	ReasonBatch     = "batch"            // an array of calls
)

func (e *BodyError) Error() string { return "request body: " + e.Reason }
