package odoo

import "testing"

func callOf(method string, records, rows, limit int) Call {
	return Call{Service: "object", Method: "execute_kw", Model: "res.partner", ModelMethod: method, Records: records, Rows: rows, Limit: limit}
}

func TestWhatACallCosts(t *testing.T) {
	for rule, c := range map[string]struct {
		call Call
		want int
	}{
		"a small read":                      {callOf("read", 1, 0, 0), 2},
		"a read of many":                    {callOf("read", 1000, 0, 0), 6},
		"a bounded search":                  {callOf("search_read", 1, 0, 80), 2},
		"a wide search":                     {callOf("search_read", 1, 0, 2000), 11},
		"a search without a bound":          {callOf("search_read", 1, 0, 0), 10},
		"grouping without a bound":          {callOf("read_group", 1, 0, 0), 10},
		"counting is cheap":                 {callOf("search_count", 1, 0, 0), 1},
		"the fields":                        {callOf("fields_get", 0, 0, 0), 3},
		"a write":                           {callOf("write", 1, 0, 0), 3},
		"a write to many":                   {callOf("write", 200, 0, 0), 6},
		"a create":                          {callOf("create", 1, 0, 0), 3},
		"a create of many":                  {callOf("create", 500, 0, 0), 502},
		"a create with named values":        {callOf("create", 0, 30, 0), 32},
		"an import":                         {callOf("load", 3, 1000, 0), 25},
		"a deletion of many":                {callOf("unlink", 100, 0, 0), 7},
		"a button":                          {callOf("action_confirm", 1, 0, 0), 5},
		"an export":                         {callOf("export_data", 1, 0, 0), 20},
		"a method that nobody knows writes": {callOf("do_something", 100, 0, 0), 4},
		"a report":                          {Call{Model: "ir.actions.report", ModelMethod: "render_qweb_pdf"}, 20},
		"a sign-in":                         {Call{Service: "common", Method: "authenticate"}, 5},
		"the version":                       {Call{Service: "common", Method: "version"}, 1},
		"a body that could not be read":     {Call{Service: "json2", Model: "a", ModelMethod: "read", Unsure: true}, 11},
		"a search that could not be read":   {Call{Service: "json2", Model: "a", ModelMethod: "search_read", Limit: 1, Unsure: true}, 10},
		"a huge list stays a number":        {callOf("create", maxAmount, 0, 0), maxCallCost},
	} {
		if got := c.call.Cost(); got != c.want {
			t.Errorf("%s: got %d, want %d", rule, got, c.want)
		}
	}
}

func TestWhatACallReadsAndDeletes(t *testing.T) {
	for rule, c := range map[string]struct {
		call           Call
		reads, deletes int
		reader, eraser bool
	}{
		"a read says which":      {callOf("read", 7, 0, 0), 7, 0, true, false},
		"a search says how many": {callOf("search_read", 1, 0, 80), 80, 0, true, false},
		"or it does not":         {callOf("search", 1, 0, 0), -1, 0, true, false},
		"a deletion":             {callOf("unlink", 9, 0, 0), 0, 9, false, true},
		"one in doubt":           {Call{Model: "a", ModelMethod: "unlink", Records: 1, Unsure: true}, 0, -1, false, true},
		"a write is neither":     {callOf("write", 9, 0, 0), 0, 0, false, false},
	} {
		reads, reader := c.call.Reads()
		deletes, eraser := c.call.Deletes()
		if reads != c.reads || reader != c.reader || deletes != c.deletes || eraser != c.eraser {
			t.Errorf("%s: got %d %v, %d %v", rule, reads, reader, deletes, eraser)
		}
	}
}

func TestNamesOfCalls(t *testing.T) {
	for want, c := range map[string]Call{
		"res.partner.read":     {Service: "object", Method: "execute_kw", Model: "res.partner", ModelMethod: "read"},
		"common.authenticate":  {Service: "common", Method: "authenticate"},
		"object.exec_workflow": {Service: "object", Method: "exec_workflow"},
		"sale.order.search":    {Service: "json2", Model: "sale.order", ModelMethod: "search"},
		"":                     {Service: "json2"},
	} {
		if got := c.Name(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPatternsOfCalls(t *testing.T) {
	for _, c := range []struct {
		pattern, call string
		want          bool
	}{
		{"res.partner.read", "res.partner.read", true},
		{"res.partner.read", "res.partner.read_group", false},
		{"res.partner.*", "res.partner.read", true},
		{"res.partner.*", "res.partner", false},
		{"res.partner.*", "res.partner.category.read", true},
		{"*.unlink", "stock.picking.unlink", true},
		{"*.unlink", "stock.picking.unlink_all", false},
		{"sale.order.action_*", "sale.order.action_confirm", true},
		{"*.read*", "res.users.read_group", true},
		{"a*b*c", "a.b.b.c", true},
		{"a*b*c", "a.c", false},
		{"*", "", true},
		{"*", "x.y", true},
		{"a*a", "a", false},
		{"", "", true},
		{"", "x", false},
	} {
		if got := MatchCall(c.pattern, c.call); got != c.want {
			t.Errorf("%q covers %q: got %v", c.pattern, c.call, got)
		}
	}
}

// What a body asks for, from the body.
func TestAmountsOfBodies(t *testing.T) {
	for rule, c := range map[string]struct {
		kind                 Kind
		body                 string
		records, rows, limit int
		unsure               bool
	}{
		"a named bound":                    {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["d",2,"k","m","search_read",[[["a","=",1],["b","=",2]]],{"fields":["x"],"limit":80}]}}`, 2, 0, 80, false},
		"the named bound beats the other":  {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["d",2,"k","m","search",[[],0,5],{"limit":0}]}}`, 1, 0, 0, false},
		"a bound by position":              {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["d",2,"k","m","search",[[],0,5]]}}`, 1, 0, 5, false},
		"execute has no list of arguments": {JSONRPC, `{"params":{"service":"object","method":"execute","args":["d",2,"k","m","search_read",[],["x"],0,7]}}`, 0, 1, 7, false},
		"execute has no named ones":        {JSONRPC, `{"params":{"service":"object","method":"execute","args":["d",2,"k","m","search_read",[],{"limit":1}]}}`, 0, 0, 0, false},
		"an import":                        {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["d",2,"k","m","load",[["name"],[["a"],["b"],["c"]]]]}}`, 1, 3, 0, false},
		"a bound that is false":            {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["d",2,"k","m","search_read",[[]],{"limit":false}]}}`, 1, 0, 0, false},
		"a bound in a context is none":     {JSONRPC, `{"params":{"service":"object","method":"execute_kw","args":["d",2,"k","m","search_read",[[]],{"context":{"limit":1}}]}}`, 1, 0, 0, false},
		"JSON-2":                           {JSONTwo, `{"ids":[1,2,3],"limit":9,"vals_list":[{"a":[1,2]},{}],"context":{"ids":[1]}}`, 3, 2, 9, false},
		"JSON-2 with NaN":                  {JSONTwo, `{"limit":1,"x":NaN}`, 0, 0, 1, true},
		"JSON-2 cut":                       {JSONTwo, `{"limit":1`, 0, 0, 1, true},
		"JSON-2 that is a list":            {JSONTwo, `[1]`, 0, 0, 0, true},
	} {
		s := NewScanner(c.kind)
		if _, err := s.Write([]byte(c.body)); err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		call, err := s.Close()
		if err != nil || call.Records != c.records || call.Rows != c.rows || call.Limit != c.limit || call.Unsure != c.unsure {
			t.Errorf("%s: got %+v, %v", rule, call, err)
		}
	}
}
