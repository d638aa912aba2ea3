package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const referenceHead = `# Command line

<!-- Written by "go run ./internal/cli/reference"; a test holds it in step with the commands. -->

Every command takes the flags under [Where the gateway is](#where-the-gateway-is) as well, though only those that
ask a running gateway use them.
`

// Reference is the documentation of every command, as Markdown.
func Reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("\n" + codeBlock(root.Long))
	b.WriteString("\n## Where the gateway is\n\n" + flagTable(root.PersistentFlags()))
	describe(&b, root)
	return b.String()
}

func describe(b *strings.Builder, parent *cobra.Command) {
	for _, c := range parent.Commands() {
		if c.Hidden || c.Name() == "help" || c.Parent().Name() == "completion" {
			continue
		}
		if c.Runnable() && c.Args != nil && !isGroup(c) || c.Name() == "completion" {
			section(b, c)
		}
		describe(b, c)
	}
}

// isGroup says whether c only holds other commands.
func isGroup(c *cobra.Command) bool {
	_, marked := c.Annotations[groupMark]
	return marked
}

func section(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", c.CommandPath(), c.Short)
	if c.Long != "" && c.Name() != "completion" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	use := c.UseLine()
	if c.Name() == "completion" {
		use = c.CommandPath() + " bash|zsh|fish|powershell"
	}
	b.WriteString("\n" + codeBlock(use))
	if c.Example != "" {
		b.WriteString("\nFor example:\n\n" + codeBlock(strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n")))
	}
	if flags := flagTable(c.NonInheritedFlags()); flags != "" {
		b.WriteString("\n" + flags)
	}
}

func codeBlock(text string) string { return "```\n" + text + "\n```\n" }

func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if b.Len() == 0 {
			b.WriteString("| Flag | Default | What it does |\n|---|---|---|\n")
		}
		word, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + word)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, defaultOf(f), strings.ReplaceAll(usage, "|", `\|`))
	})
	return b.String()
}

func defaultOf(f *pflag.Flag) string {
	if f.DefValue == "" || f.DefValue == "[]" || f.DefValue == "false" {
		return ""
	}
	return "`" + strings.Trim(f.DefValue, "[]") + "`"
}
