package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// knownKind refuses words that can be no client: a block of "uid:7" would hold nobody.
func knownKind(client string) error {
	kinds := []string{"client", "key", "user", "session", "address"}
	kind, name, found := strings.Cut(client, ":")
	if found && name != "" && slices.Contains(kinds, kind) {
		return nil
	}
	return huma.Error422UnprocessableEntity(fmt.Sprintf("%q names no client: write it as the list does, %s:...", client, strings.Join(kinds, ":..., ")))
}
