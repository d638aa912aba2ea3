package cli

import (
	"fmt"
	"slices"
	"strings"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	of    []string
}

// String is the value now.
func (c *choice) String() string { return c.value }

// Set accepts the words of the choice.
func (c *choice) Set(value string) error {
	if !slices.Contains(c.of, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(c.of, ", "))
	}
	c.value = value
	return nil
}

// Type is shown in the help.
func (c *choice) Type() string { return "WORD" }
