package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func versionCommand(build Build) *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Long:  "Print the version of this binary, the commit it was built from, and the Traefik inside.",
		Args:  none,
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return out.print(c.OutOrStdout(), build, func(w io.Writer) {
			fmt.Fprintf(w, "sluice %s\n", build.Version)
			for _, line := range [][2]string{
				{"commit", build.Commit},
				{"date", build.Date},
				{"traefik", build.Traefik},
				{"go", build.Go},
				{"platform", build.Platform},
			} {
				if line[1] != "" {
					fmt.Fprintf(w, "  %-9s %s\n", line[0], line[1])
				}
			}
		})
	}
	return c
}
