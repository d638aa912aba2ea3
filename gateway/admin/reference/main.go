// Command reference prints the documentation of the admin API:
// go run ./gateway/admin/reference > docs/reference/operations.md
package main

import (
	"fmt"

	"sluicegate.dev/sluice/gateway/admin"
)

func main() { fmt.Print(admin.Reference()) }
