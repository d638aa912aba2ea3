package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// output is the flag -o of commands that show something.
type output string

// addOutput gives c the flag -o.
func addOutput(c *cobra.Command) *output {
	o := output("table")
	c.Flags().VarP(&o, "output", "o", "how to print: table or json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return &o
}

// String, Set and Type make output a flag value.
func (o *output) String() string { return string(*o) }

// Set accepts table and json.
func (o *output) Set(value string) error {
	if value != "table" && value != "json" {
		return fmt.Errorf("%q is neither table nor json", value)
	}
	*o = output(value)
	return nil
}

// Type is shown in the help.
func (o *output) Type() string { return "FORMAT" }

// print writes v as JSON, or calls table for people.
func (o *output) print(w io.Writer, v any, table func(io.Writer)) error {
	if *o != "json" {
		table(w)
		return nil
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// rows prints lines in columns under a head.
func rows(w io.Writer, head []string, lines [][]string) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for _, line := range lines {
		for i, cell := range line {
			line[i] = orDash(cell)
		}
		fmt.Fprintln(table, strings.Join(line, "\t"))
	}
	_ = table.Flush()
}

// orDash keeps an empty cell visible.
func orDash(cell string) string {
	if cell == "" {
		return "-"
	}
	return cell
}

// plural is "1 tenant", "2 tenants".
func plural(n int, word string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, word)
	}
	return fmt.Sprintf("%d %ss", n, word)
}
