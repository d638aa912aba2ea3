package standin

import (
	"fmt"
	"slices"
	"strings"
)

func (m *modelCall) read() (any, error) {
	rows := []any{}
	var missing error
	ids, fields := m.ids(), m.arg(1, "fields")
	err := m.store.view(func() {
		if missing = m.missing(ids); missing != nil {
			return
		}
		m.store.counts[m.model+".read"]++
		for _, id := range ids {
			rows = append(rows, project(m.store.records[m.model][id], fields))
		}
	})
	if missing != nil {
		return nil, missing
	}
	return rows, err
}

func (m *modelCall) search() (any, error) {
	ids := []any{}
	err := m.find(func(record object) { ids = append(ids, record["id"]) })
	return m.window(ids, 1), err
}

func (m *modelCall) searchCount() (any, error) {
	count := 0
	err := m.find(func(object) { count++ })
	return count, err
}

func (m *modelCall) searchRead() (any, error) {
	rows, fields := []any{}, m.arg(1, "fields")
	err := m.find(func(record object) { rows = append(rows, project(record, fields)) })
	return m.window(rows, 2), err
}

// window applies offset and limit, which stand at a place of their own in each method.
func (m *modelCall) window(list []any, at int) []any {
	offset := min(asInt(m.arg(at, "offset")), len(list))
	list = list[offset:]
	if limit := asInt(m.arg(at+1, "limit")); limit > 0 {
		list = list[:min(limit, len(list))]
	}
	return list
}

func (m *modelCall) find(each func(object)) error {
	domain, _ := m.arg(0, "domain").([]any)
	return m.store.view(func() {
		m.store.counts[m.model+".search"]++
		for _, id := range m.sortedIDs() {
			if record := m.store.records[m.model][id]; matches(record, domain) {
				each(record)
			}
		}
	})
}

// matches knows domains that are a plain list of conditions, all of which must hold.
func matches(record object, domain []any) bool {
	for _, item := range domain {
		condition, ok := item.([]any)
		if !ok || len(condition) != 3 {
			continue
		}
		if !holds(record[asText(condition[0])], asText(condition[1]), condition[2]) {
			return false
		}
	}
	return true
}

func holds(have any, operator string, want any) bool {
	same := func(other any) bool { return fmt.Sprint(have) == fmt.Sprint(other) }
	switch operator {
	case "=":
		return same(want)
	case "!=":
		return !same(want)
	case "in":
		list, _ := want.([]any)
		return slices.ContainsFunc(list, same)
	case "like":
		return strings.Contains(fmt.Sprint(have), fmt.Sprint(want))
	case "ilike":
		return strings.Contains(strings.ToLower(fmt.Sprint(have)), strings.ToLower(fmt.Sprint(want)))
	}
	return false
}

// project copies the wanted fields of a record, and always its id.
func project(record object, fields any) object {
	wanted, _ := fields.([]any)
	row := object{"id": record["id"]}
	for name, value := range record {
		if len(wanted) == 0 || slices.Contains(wanted, any(name)) {
			row[name] = value
		}
	}
	return row
}
