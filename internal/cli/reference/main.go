// Command reference prints the documentation of the command line:
// go run ./internal/cli/reference > docs/reference/cli.md
package main

import (
	"fmt"

	"sluicegate.dev/sluice/internal/cli"
)

func main() {
	fmt.Print(cli.Reference(cli.Root(cli.Deps{})))
}
