package standin

import (
	"fmt"
	"slices"
)

// dbService is the database service. It does not ask the database filter: everybody sees
// every database of the PostgreSQL role, limited by -d alone. Version and existence are
// told even when listing is disabled.
func (c *call) dbService(method string, args []any) (any, error) {
	first := ""
	if len(args) > 0 {
		first = asText(args[0])
	}
	switch method {
	case "server_version":
		return c.srv.cfg.Version, nil
	case "db_exist":
		return c.srv.databases.exists(first), nil
	case "list":
		return c.listEverything()
	case "list_lang":
		return []any{[]any{"en_US", "English"}}, nil
	case "create_database", "drop", "dump", "restore", "duplicate_database", "rename", "change_admin_password", "migrate_databases":
		return c.manage(method, first, args)
	}
	return nil, &odooError{serverError, fmt.Sprintf("KeyError: Method not found: %s", method)}
}

func (c *call) listEverything() (any, error) {
	if c.srv.cfg.NoDatabaseList {
		return nil, errAccessDenied
	}
	names := []any{}
	for _, name := range c.srv.databases.list() {
		if limit := c.srv.cfg.DBNames; len(limit) == 0 || slices.Contains(limit, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (c *call) manage(method, master string, args []any) (any, error) {
	if c.srv.cfg.NoDatabaseList && method != "change_admin_password" {
		return nil, errAccessDenied
	}
	if !c.srv.databases.masterPassword(master) {
		return nil, errAccessDenied
	}
	name := func(i int) string {
		if len(args) > i {
			return asText(args[i])
		}
		return ""
	}
	switch all := c.srv.databases; method {
	case "create_database", "restore":
		all.add(name(1))
	case "drop":
		all.remove(name(1))
	case "duplicate_database":
		all.add(name(2))
	case "rename":
		all.remove(name(1))
		all.add(name(2))
	case "change_admin_password":
		all.setMaster(name(1))
	case "dump":
		return "UEsDBHN0YW5kaW4=", nil
	}
	return true, nil
}
