package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/config/file"
)

// installName is the file name of install settings in a working directory.
const installName = "sluice.yaml"

// report is what `validate` found.
type report struct {
	Valid    bool            `json:"valid"`
	Install  string          `json:"install,omitempty"`
	Source   string          `json:"source,omitempty"`
	Tenants  int             `json:"tenants"`
	Pools    int             `json:"pools"`
	Problems config.Problems `json:"problems"`
}

func validateCommand(deps Deps) *cobra.Command {
	c := &cobra.Command{
		Use:   "validate PATH",
		Short: "Check a configuration, without a network",
		Long: `Check a configuration and say everything that is wrong with it. PATH is a working directory
(with a sluice.yaml), install settings, a directory of tenants and pools, or one file of them.
Nothing is asked over a network and nothing is changed.`,
		Example: "  sluice validate .\n  sluice validate tenants/ -o json",
		Args:    one("PATH"),
	}
	out := addOutput(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		found, err := validate(deps, args[0])
		if err != nil {
			return err
		}
		if err := out.print(c.OutOrStdout(), found, func(w io.Writer) { showReport(w, found) }); err != nil {
			return err
		}
		if !found.Valid {
			return fmt.Errorf("%s is not valid: %s", args[0], plural(len(found.Problems.Errors()), "problem"))
		}
		return nil
	}
	return c
}

// validate finds out what path is and checks it.
func validate(deps Deps, path string) (report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return report{}, fmt.Errorf("there is nothing to check: %w", err)
	}
	if !info.IsDir() {
		return validateFile(deps, path)
	}
	if install := filepath.Join(path, installName); exists(install) {
		return validateInstall(deps, install), nil
	}
	return report{Source: path}.compile(file.Load(path), nil), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// validateFile tells install settings from other documents by their kind.
func validateFile(deps Deps, path string) (report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return report{}, err
	}
	resources := config.Parse(path, string(content))
	for i, r := range resources {
		if r.Kind == config.KindInstall {
			return validateInstall(deps, path), nil
		}
		resources[i] = r.With(namedFiles(path, r))
	}
	r := report{Source: path}
	if len(resources) == 0 {
		r.Problems = config.Problems{{File: path, Message: "there is no document in it"}}
		return r, nil
	}
	return r.compile(config.Document{Resources: resources}, nil), nil
}

// namedFiles are the contents of the files that a document names; compiling reports those
// that are missing.
func namedFiles(path string, r *config.Resource) map[string][]byte {
	files := map[string][]byte{}
	for _, name := range r.Paths() {
		if content, err := os.ReadFile(config.Resolve(filepath.Dir(path), name)); err == nil {
			files[name] = content
		}
	}
	return files
}

// validateInstall checks install settings and the tenants that they lead to.
func validateInstall(deps Deps, path string) report {
	r := report{Install: path}
	install, problems := config.LoadInstall(path)
	r.Problems = problems
	if install == nil {
		return r
	}
	if deps.CheckTraefik != nil {
		if err := deps.CheckTraefik(install); err != nil {
			r.Problems = append(r.Problems, config.Problem{File: path, Resource: "Install", Message: err.Error()})
		}
	}
	dir := string(install.Spec.Sources.Directory)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		r.Problems = append(r.Problems, config.Problem{
			File: path, Resource: "Install", Field: "spec.sources.directory",
			Message: dir + " is no directory", Hint: "make it, or name another",
		})
		return r
	}
	r.Source = dir
	return r.compile(file.Load(dir), install.Listeners())
}

func (r report) compile(doc config.Document, listeners []string) report {
	snapshot := config.Compile(doc, nil, config.Options{Now: time.Now(), Listeners: listeners})
	r.Tenants, r.Pools = len(snapshot.Tenants), len(snapshot.Pools)
	r.Problems = append(r.Problems, snapshot.Problems...)
	r.Valid = !r.Problems.Failed()
	return r
}

func showReport(w io.Writer, r report) {
	for _, p := range r.Problems {
		fmt.Fprintln(w, p)
	}
	if r.Valid {
		fmt.Fprintf(w, "Valid: %s, %s.\n", plural(r.Tenants, "tenant"), plural(r.Pools, "pool"))
	}
}
