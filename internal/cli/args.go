package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// none refuses arguments in words that name them.
func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, not %q", c.CommandPath(), args[0])
	}
	return nil
}

// one asks for exactly one argument, called what.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return fmt.Errorf("%s needs a %s", c.CommandPath(), what)
		}
		return fmt.Errorf("%s takes one %s, not %d", c.CommandPath(), what, len(args))
	}
}

// two asks for exactly two arguments of those names.
func two(first, second string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 2 {
			return fmt.Errorf("%s needs a %s and a %s, not %d arguments", c.CommandPath(), first, second, len(args))
		}
		return nil
	}
}

// atMostOne takes one argument or none.
func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s takes one %s, not %d", c.CommandPath(), what, len(args))
		}
		return nil
	}
}
