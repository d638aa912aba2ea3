package standin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// execute runs a method of a model. Any model may be created, written, read and deleted; the
// model "standin" has methods that take time, fail or answer much.
func (c *call) execute(database string, user *User, model, method string, args []any, named object) (any, error) {
	st, err := c.srv.databases.store(database)
	if err != nil {
		return nil, err
	}
	m := &modelCall{by: c.srv.cfg.Name, store: st, user: user, model: model, args: args, named: named}
	if model == "standin" {
		return c.executeOwn(m, method)
	}
	if !knownModel(model) {
		return nil, &odooError{userError, fmt.Sprintf("Object %s doesn't exist", model)}
	}
	if strings.HasPrefix(method, "_") {
		return nil, &odooError{accessError, fmt.Sprintf("Private methods (such as %q) cannot be called remotely.", model+"."+method)}
	}
	run, ok := map[string]func() (any, error){
		"create": m.create, "write": m.write, "unlink": m.unlink, "read": m.read, "search": m.search,
		"search_read": m.searchRead, "search_count": m.searchCount, "get_param": m.getParam, "set_param": m.setParam,
	}[method]
	if !ok {
		return nil, &odooError{"builtins.AttributeError", fmt.Sprintf("The method '%s.%s' does not exist", model, method)}
	}
	return run()
}

func knownModel(model string) bool {
	for _, family := range []string{"res.", "ir.", "sale.", "account.", "mail.", "bus.", "product.", "stock.", "crm."} {
		if strings.HasPrefix(model, family) {
			return true
		}
	}
	return false
}

func (c *call) executeOwn(m *modelCall, method string) (any, error) {
	switch method {
	case "slow":
		if err := c.sleep(Seconds(asFloat(m.arg(0, "seconds"))).Duration()); err != nil {
			return nil, err
		}
		return true, nil
	case "fail":
		return nil, errors.New("deliberate failure")
	case "warn":
		return nil, &odooError{userError, "deliberate warning"}
	case "big":
		return strings.Repeat("b", asInt(m.arg(0, "size"))), nil
	case "echo":
		return m.arg(0, "value"), nil
	}
	return nil, &odooError{"builtins.AttributeError", "The method 'standin." + method + "' does not exist"}
}

// modelCall is a method call with its arguments, by position or by name.
type modelCall struct {
	by    string // server that runs it
	store *store
	user  *User
	model string
	args  []any
	named object
}

func (m *modelCall) arg(i int, name string) any {
	if value, ok := m.named[name]; ok {
		return value
	}
	if i < len(m.args) {
		return m.args[i]
	}
	return nil
}

// create takes one set of values or several. A value named marker counts executions, here
// and in write, so that a test can prove that none was lost or done twice.
func (m *modelCall) create() (any, error) {
	value := m.arg(0, "vals_list")
	if value == nil {
		value = m.arg(0, "values")
	}
	if single, ok := value.(object); ok {
		ids, err := m.createAll([]any{single})
		if err != nil {
			return nil, err
		}
		return ids[0], nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, &odooError{serverError, "TypeError: create() missing 1 required positional argument: 'vals_list'"}
	}
	return m.createAll(list)
}

func (m *modelCall) createAll(list []any) ([]any, error) {
	ids := []any{}
	for _, item := range list {
		values, _ := item.(object)
		if m.model == "res.partner" && asText(values["name"]) == "" {
			return nil, &odooError{validationError, "The operation cannot be completed: Contacts require a name"}
		}
		if m.model == "res.users" && !m.user.Admin {
			return nil, m.forbidden("create")
		}
		var id int
		err := m.store.change(func() (*entry, error) {
			id = m.store.lastID[m.model] + 1
			return &entry{Op: "create", By: m.by, Model: m.model, IDs: []int{id}, Values: maps.Clone(values)}, nil
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (m *modelCall) forbidden(operation string) error {
	return &odooError{accessError, fmt.Sprintf("You are not allowed to %s '%s' records.", operation, m.model)}
}

func (m *modelCall) write() (any, error) {
	values, _ := m.arg(1, "vals").(object)
	return m.changeExisting("write", values)
}

func (m *modelCall) unlink() (any, error) { return m.changeExisting("unlink", nil) }

func (m *modelCall) changeExisting(op string, values object) (any, error) {
	if m.model == "res.users" && !m.user.Admin {
		return nil, m.forbidden(op)
	}
	ids := m.ids()
	err := m.store.change(func() (*entry, error) {
		if err := m.missing(ids); err != nil {
			return nil, err
		}
		return &entry{Op: op, By: m.by, Model: m.model, IDs: ids, Values: values}, nil
	})
	return err == nil, err
}

func (m *modelCall) missing(ids []int) error {
	for _, id := range ids {
		if _, ok := m.store.records[m.model][id]; !ok {
			return &odooError{missingError, fmt.Sprintf("Record does not exist or has been deleted.\n(Record: %s(%d,))", m.model, id)}
		}
	}
	return nil
}

func (m *modelCall) ids() []int {
	value := m.arg(0, "ids")
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	ids := make([]int, 0, len(list))
	for _, id := range list {
		ids = append(ids, asInt(id))
	}
	return ids
}

func (m *modelCall) getParam() (any, error) {
	if value := m.store.param(asText(m.arg(0, "key"))); value != "" {
		return value, nil
	}
	return false, nil
}

func (m *modelCall) setParam() (any, error) {
	if !m.user.Admin {
		return nil, m.forbidden("modify")
	}
	err := m.store.setParam(asText(m.arg(0, "key")), asText(m.arg(1, "value")))
	return err == nil, err
}

// sortedIDs lists the records of the model in the order of their ids.
func (m *modelCall) sortedIDs() []int { return slices.Sorted(maps.Keys(m.store.records[m.model])) }

func asFloat(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	return 0
}
