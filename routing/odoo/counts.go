package odoo

// counts holds what a call's arguments say about how much it asks for. Nothing here decides
// what may pass; it decides what the call costs. In doubt a call asks for much: a number that
// cannot be read is no bound.
type counts struct {
	second int // elements of the second argument, of execute_kw
	flat   int // the same of execute, which has no list of arguments

	amounts [slotCount]amount
	into    slot // where the number being read goes
	numeric bool // nothing but digits so far
}

// amount is a number or a number of elements.
type amount struct {
	n     int
	given bool
}

// maxAmount keeps sums far from overflowing.
const maxAmount = 1 << 30

// slot is a place for an amount: one of the named arguments, or a number among the others.
type slot int

// The slots. (Written out: Yaegi reads no constant that is defined by a later one.)
const (
	noSlot      slot = 0
	limitSlot   slot = 1  // limit=
	idsSlot     slot = 2  // ids=
	rowsSlot    slot = 3  // vals_list= of a create, data= of an import
	nestedSlots slot = 4  // eight arguments of execute_kw, by position
	plainSlots  slot = 12 // eight of execute
)

const (
	positions = 8 // arguments that a bound may stand among: read_group's is the fifth
	slotCount = 20
)

// namedSlot knows the arguments that say how much a call asks for.
func namedSlot(key string) slot {
	switch key {
	case "limit":
		return limitSlot
	case "ids":
		return idsSlot
	case "vals_list", "data":
		return rowsSlot
	}
	return noSlot
}

// positionSlot is the place of the i-th argument, none for one that is too far behind.
func positionSlot(first slot, i int) slot {
	if i < 0 || i >= positions {
		return noSlot
	}
	return first + slot(i)
}

// begin starts a value. Of two with one name Python takes the last. The named lists take no
// number; their elements are counted as they come.
func (c *counts) begin(at slot) {
	c.into, c.numeric = at, true
	if at == noSlot {
		return
	}
	c.amounts[at] = amount{given: true}
	if at == idsSlot || at == rowsSlot {
		c.into = noSlot
	}
}

// digit takes one byte of a number. A sign, a fraction or an exponent makes it no bound.
func (c *counts) digit(b byte) {
	if c.into == noSlot {
		return
	}
	n := 0
	if c.numeric && isDigit(b) {
		n = atMost(c.amounts[c.into].n*10+int(b-'0'), maxAmount)
	} else {
		c.numeric = false
	}
	c.amounts[c.into].n = n
}

// element counts one more element of a named list.
func (c *counts) element(named slot) {
	if named == idsSlot || named == rowsSlot {
		c.amounts[named].n = atMost(c.amounts[named].n+1, maxAmount)
	}
}

// limitPosition is where a method takes its bound when it is not named. The places are those
// of Odoo 14 to 19; where two versions differ, the one that is no number there counts as no
// bound.
func limitPosition(method string) int {
	switch method {
	case "search":
		return 2 // domain, offset
	case "search_read", "web_search_read", "name_search", "web_read_group", "search_fetch":
		return 3
	case "read_group":
		return 4 // domain, fields, groupby, offset
	case "formatted_read_group":
		return 5
	}
	return -1
}

// measure fills in what a call of a model's method asks for. execute_kw wraps the arguments in
// a list and has named ones, execute passes them one by one.
func (f *fields) measure(c *Call) {
	at := limitPosition(c.ModelMethod)
	if c.Method == "execute" {
		c.Records, c.Rows = f.items, f.counts.flat
		c.Limit = f.counts.amounts[positionSlot(plainSlots, at)].n
		return
	}
	c.Records = f.nested
	if c.Records == 0 && f.items > 0 {
		c.Records = 1
	}
	c.Limit = f.counts.amounts[positionSlot(nestedSlots, at)].n
	if limit := f.counts.amounts[limitSlot]; limit.given {
		c.Limit = limit.n
	}
	c.Records = atLeast(c.Records, f.counts.amounts[idsSlot].n)
	c.Rows = atLeast(f.counts.second, f.counts.amounts[rowsSlot].n)
}

func atMost(n, most int) int {
	if n > most {
		return most
	}
	return n
}

func atLeast(n, least int) int {
	if n < least {
		return least
	}
	return n
}
