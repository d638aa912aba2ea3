package admin

import (
	"os"
	"testing"
)

func TestReferenceIsInStep(t *testing.T) {
	const file = "../../docs/reference/operations.md"
	got, err := os.ReadFile(file)
	if err != nil || string(got) != Reference() {
		t.Errorf("%s is not what the API says (%v): run go run ./gateway/admin/reference > docs/reference/operations.md", file, err)
	}
}
