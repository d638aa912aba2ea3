package odoo

// A JSON-2 body is an object of named arguments. It names no database and no credential, so
// there is nothing to refuse: what cannot be read is Odoo's own error, or costs as much as if
// it asked for everything.

func (s *Scanner) scanTwo(p []byte) {
	s.offset += int64(len(p))
	if s.unsure {
		return
	}
	s.json.two = true
	if _, reason := s.json.scan(p, &s.f); reason != "" {
		s.unsure = true
	}
}

func (s *Scanner) closeTwo() Call {
	c := Call{Service: "json2", Model: s.model, ModelMethod: s.method, Empty: s.offset == 0}
	amounts := s.f.counts.amounts
	c.Records, c.Rows, c.Limit = amounts[idsSlot].n, amounts[rowsSlot].n, amounts[limitSlot].n
	c.Unsure = !c.Empty && (s.unsure || s.json.end() != "")
	s.f.wipe()
	return c
}
