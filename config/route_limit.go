package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/routing"
)

// RouteLimit is a limit on a route of Traefik's, from the settings of the plugin sluice-limit.
type RouteLimit struct {
	Scope  string               // whose budgets; "" leaves it to the middleware's name
	Named  string               // a LimitPolicy, or
	Policy *routing.LimitPolicy // the settings' own
}

// ReadRouteLimit reads the settings: policy (the name of a LimitPolicy) or the fields of one,
// and scope. Labels and tags carry text only, so numbers and lists may be written as text.
func ReadRouteLimit(settings map[string]any) (RouteLimit, error) {
	rest := map[string]any{}
	var out RouteLimit
	for key, value := range settings {
		switch {
		case strings.EqualFold(key, "scope"):
			out.Scope = fmt.Sprint(value)
		case strings.EqualFold(key, "policy"):
			out.Named = fmt.Sprint(value)
		default:
			rest[key] = value
		}
	}
	if len(out.Scope) > 63 || strings.ContainsFunc(out.Scope, notOfScope) {
		return out, fmt.Errorf("scope: %q: use letters, digits, dots and hyphens, at most 63", shorten(out.Scope))
	}
	if out.Named != "" {
		if len(rest) > 0 {
			return out, fmt.Errorf("keep policy, or write the limit here: %s has no place beside policy",
				strings.Join(slices.Sorted(maps.Keys(rest)), ", "))
		}
		return out, nil
	}
	var err error
	out.Policy, err = ownPolicy(rest)
	return out, err
}

func notOfScope(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_@", r))
}

// ownPolicy reads the fields of a LimitPolicy as a document would hold them, so that mistakes
// are told in the same words.
func ownPolicy(settings map[string]any) (*routing.LimitPolicy, error) {
	spec, err := json.Marshal(asWritten(settings, reflect.TypeFor[LimitPolicySpec]()))
	if err != nil {
		return nil, fmt.Errorf("read the limit: %w", err)
	}
	r := ParseOne(fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"name": "limit"}, "spec": %s}`, APIVersion, KindLimitPolicy, spec))
	if r.Broken() {
		var lines []string
		for _, p := range r.Problems().Errors() {
			line := strings.TrimPrefix(p.Field, "spec.") + ": " + p.Message
			if p.Hint != "" {
				line += "; " + p.Hint
			}
			lines = append(lines, line)
		}
		return nil, errors.New(strings.Join(lines, "\n"))
	}
	return buildPolicy(r), nil
}

// asWritten turns the texts of labels into what a document holds, by the types of the fields.
// Names of fields are found in any case.
func asWritten(settings map[string]any, spec reflect.Type) map[string]any {
	rules := fieldRules(spec)
	out := map[string]any{}
	for key, value := range settings {
		i := slices.IndexFunc(rules, func(r fieldRule) bool { return strings.EqualFold(r.name, key) })
		if i < 0 {
			out[key] = value // unknown: it will be said
			continue
		}
		out[rules[i].name] = typed(value, spec.FieldByIndex(rules[i].index).Type)
	}
	return out
}

func typed(value any, as reflect.Type) any {
	for as.Kind() == reflect.Pointer {
		as = as.Elem()
	}
	text, isText := value.(string)
	inner, isMap := value.(map[string]any)
	switch {
	case as.Kind() == reflect.Slice && isText:
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	case as.Kind() == reflect.Int && isText:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case as.Kind() == reflect.Bool && isText:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case as.Kind() == reflect.Map && isMap:
		out := map[string]any{}
		for k, v := range inner {
			out[k] = typed(v, as.Elem())
		}
		return out
	case as.Kind() == reflect.Struct && isMap:
		return asWritten(inner, as)
	}
	return value
}
