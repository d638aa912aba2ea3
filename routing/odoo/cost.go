package odoo

import "strings"

// What a call costs, in units of a cheap one. The numbers follow how long Odoo's workers take:
// they are what runs out.
const (
	readBatch   = 200 // records that one unit reads
	writeBatch  = 50  // records that one unit writes
	unbounded   = 10  // a search that says no limit
	signInCost  = 5   // hashing a password is slow on purpose
	actionCost  = 5   // a button: it may do anything
	reportCost  = 20
	maxCallCost = 1 << 20
)

// Name is the call as policies write it: model.method; for a service's own methods
// service.method. It is empty for what is no call.
func (c Call) Name() string {
	switch {
	case c.Model != "" && c.ModelMethod != "":
		return c.Model + "." + c.ModelMethod
	case c.Service != "" && c.Service != "json2" && c.Method != "":
		return c.Service + "." + c.Method
	}
	return ""
}

// Cost is what a call costs where a policy does not say otherwise.
func (c Call) Cost() int {
	switch {
	case c.SignsIn():
		return signInCost
	case c.ModelMethod == "":
		return 1
	}
	return atMost(c.methodCost(), maxCallCost)
}

func (c Call) methodCost() int {
	method := c.ModelMethod
	switch method {
	case "read", "web_read", "name_get", "exists", "read_progress_bar":
		return c.perRecord(1, readBatch)
	case "search_read", "web_search_read", "search", "search_fetch", "read_group", "web_read_group", "formatted_read_group":
		return c.searchCost()
	case "search_count", "name_search", "default_get", "has_access", "check_access_rights", "check_access_rule":
		return 1
	case "fields_get", "get_views", "get_view", "fields_view_get", "load_views":
		return 3
	case "create":
		return 2 + atLeast(atLeast(c.Records, c.Rows), 1)
	case "load":
		return 5 + ceilDiv(c.Rows, writeBatch) + c.doubt()
	case "unlink":
		return c.perRecord(5, writeBatch)
	case "export_data", "report_download":
		return reportCost
	}
	switch {
	case strings.HasPrefix(method, "button_"), strings.HasPrefix(method, "action_"):
		return actionCost
	case c.Model == "ir.actions.report":
		return reportCost
	}
	return c.perRecord(2, writeBatch) // it may write, as write does
}

// perRecord is a base and a unit for each batch of records.
func (c Call) perRecord(base, batch int) int {
	return base + ceilDiv(c.Records, batch) + c.doubt()
}

func (c Call) searchCost() int {
	if c.Limit == 0 || c.Unsure {
		return unbounded
	}
	return 1 + ceilDiv(c.Limit, readBatch)
}

// doubt is added where the records could not be counted.
func (c Call) doubt() int {
	if c.Unsure {
		return unbounded
	}
	return 0
}

// Reads is how many records a call may read at most, -1 when it says no bound. ok is false for
// a call that reads none by itself.
func (c Call) Reads() (records int, ok bool) {
	switch c.ModelMethod {
	case "read", "web_read", "export_data":
		if c.Unsure {
			return -1, true
		}
		return c.Records, true
	case "search_read", "web_search_read", "search", "search_fetch":
		if c.Limit == 0 || c.Unsure {
			return -1, true
		}
		return c.Limit, true
	}
	return 0, false
}

// Deletes is how many records a call deletes, -1 when that could not be counted.
func (c Call) Deletes() (records int, ok bool) {
	if c.ModelMethod != "unlink" {
		return 0, false
	}
	if c.Unsure {
		return -1, true
	}
	return c.Records, true
}

func ceilDiv(n, by int) int { return (n + by - 1) / by }
