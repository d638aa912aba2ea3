package odoo

import "strings"

// check refuses a body whose database or names are there but no text. What is missing is
// Odoo's own error: it names no database, so it opens none.
func (f *fields) check(kind Kind) string {
	for _, id := range [...]field{serviceField, methodField} {
		if k := f.value[id].kind; k != kindAbsent && k != kindText {
			return ReasonType
		}
	}
	if k := f.value[databaseField].kind; k == kindAbsent || k == kindText {
		return ""
	}
	if kind == JSONAuth || kind == LoginForm || f.namesDatabase() {
		return ReasonType
	}
	return ""
}

// namesDatabase tells whether the first argument of the call is a database. Other calls
// (common.about(True), the db service) have arguments of their own.
func (f *fields) namesDatabase() bool {
	if f.is(serviceField, "object") || f.is(serviceField, "db") {
		return true
	}
	for _, method := range [...]string{
		"execute", "execute_kw", "exec_workflow", "login", "authenticate", "db_exist", "list", "server_version",
	} {
		if f.is(methodField, method) {
			return true
		}
	}
	return false
}

func (f *fields) call(kind Kind) Call {
	c := Call{
		Service:  f.text(serviceField),
		Method:   f.text(methodField),
		Database: f.text(databaseField),
	}
	c.Truncated = f.value[secondField].cut
	switch kind {
	case JSONAuth:
		c.Service, c.Method = "session", "authenticate"
	case LoginForm:
		c.Service, c.Method = "form", "login"
	}
	if c.SignsIn() || c.Method == "login" || c.Method == "authenticate" {
		c.Login = f.text(secondField)
		return c
	}
	if c.Method != "execute_kw" && c.Method != "execute" {
		return c
	}
	c.UID = f.uid()
	c.Model = f.text(modelField)
	c.ModelMethod = f.text(modelMethodField)
	f.measure(&c)
	return c
}

// uid returns digits or nothing: Odoo takes int(uid), text included.
func (f *fields) uid() string {
	v := &f.value[secondField]
	text := strings.TrimSpace(string(v.text[:v.n]))
	if (v.kind != kindText && v.kind != kindNumber) || v.cut || len(text) > 10 || !allBytes(text, isDigit) {
		return ""
	}
	return text
}
