package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/config"
)

func schemaCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of documents, for editors",
		Long: `Print the JSON Schema of documents of one kind, or of all kinds in one. Editors use it to
complete and to check; VS Code's YAML extension takes it by a first line such as
# yaml-language-server: $schema=sluice.json`,
		Example: "  sluice schema > sluice.json\n  sluice schema tenant",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		text, err := schema(first(args))
		if err != nil {
			return err
		}
		_, err = c.OutOrStdout().Write(text)
		return err
	}
	return c
}

// schema takes a kind in any case. The empty one means all.
func schema(name string) ([]byte, error) {
	if name == "" {
		return config.SchemaAll()
	}
	for _, kind := range config.Kinds() {
		if strings.EqualFold(name, string(kind)) {
			return config.Schema(kind)
		}
	}
	return nil, usageError{fmt.Errorf("there is no kind %q: there are %s", name, strings.Join(kindNames(), ", "))}
}

func kindNames() []string {
	var names []string
	for _, kind := range config.Kinds() {
		names = append(names, string(kind))
	}
	return names
}
