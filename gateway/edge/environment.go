package edge

import (
	"fmt"
	"maps"
	"strings"
)

const environPrefix = "TRAEFIK_"

// tree is configuration as it was written, before it has types. Names match without regard
// to case, as in Traefik.
type tree map[string]any

// at returns what was written under the dotted path.
func (t tree) at(path string) (any, bool) {
	var node any = map[string]any(t)
	for name := range strings.SplitSeq(path, ".") {
		branch, ok := node.(map[string]any)
		if !ok {
			return nil, false
		}
		key, ok := keyOf(branch, name)
		if !ok {
			return nil, false
		}
		node = branch[key]
	}
	return node, node != nil
}

// said tells whether anything was written under the dotted path.
func (t tree) said(path string) bool {
	_, ok := t.at(path)
	return ok
}

// withEnvironment returns raw with the variables of environ on top. Only variables whose
// first word is a field of Traefik's configuration count: Kubernetes sets TRAEFIK_PORT and
// the like for a service that happens to be named traefik.
func withEnvironment(raw map[string]any, environ []string) (tree, error) {
	t := tree(cloneBranch(raw))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(strings.ToUpper(name), environPrefix)
		if !ok {
			continue
		}
		words := strings.Split(strings.ToLower(rest), "_")
		if !isRootField(words[0]) {
			continue
		}
		if err := put(t, words, value); err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return t, nil
}

// put writes value under the path of words, whatever raw says there.
func put(branch map[string]any, words []string, value string) error {
	word := words[0]
	if word == "" {
		return fmt.Errorf("empty word in the name")
	}
	key, ok := keyOf(branch, word)
	if !ok {
		key = word
	}
	inner, isBranch := branch[key].(map[string]any)
	if len(words) > 1 {
		if !isBranch {
			inner = map[string]any{}
			branch[key] = inner
		}
		return put(inner, words[1:], value)
	}
	if isBranch && strings.EqualFold(value, "true") {
		return nil // TRAEFIK_PING=true switches on what the file already describes
	}
	branch[key] = value
	return nil
}

func keyOf(branch map[string]any, name string) (string, bool) {
	if _, ok := branch[name]; ok {
		return name, true
	}
	for key := range branch {
		if strings.EqualFold(key, name) {
			return key, true
		}
	}
	return "", false
}

// cloneBranch copies the maps of branch, so that the caller's document stays as it is.
func cloneBranch(branch map[string]any) map[string]any {
	clone := maps.Clone(branch)
	if clone == nil {
		return map[string]any{}
	}
	for key, value := range clone {
		if inner, ok := value.(map[string]any); ok {
			clone[key] = cloneBranch(inner)
		}
	}
	return clone
}
