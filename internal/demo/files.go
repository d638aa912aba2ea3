package demo

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

// mark begins every file that the demonstration writes: only such a file is replaced.
const mark = "# Written by `sluice demo`; written anew at each start."

//go:embed templates
var templates embed.FS

// writeFiles writes the install settings and one file for each pool and tenant.
func (r *running) writeFiles() error {
	files := map[string]any{}
	install := map[string]any{"Port": r.port, "PingPort": r.pingPort}
	if err := r.write("sluice.yaml", "sluice.yaml", install); err != nil {
		return err
	}
	for _, p := range r.pools {
		files[filepath.Join("tenants", "pool-"+p.Name+".yaml")] = p
	}
	for _, t := range tenants() {
		files[filepath.Join("tenants", t.Name+".yaml")] = t
	}
	for path, data := range files {
		source := "tenant.yaml"
		if _, isPool := data.(*pool); isPool {
			source = "pool.yaml"
		}
		if err := r.write(path, source, data); err != nil {
			return err
		}
	}
	return nil
}

func (r *running) write(path, source string, data any) error {
	parsed, err := template.ParseFS(templates, "templates/"+source)
	if err != nil {
		return err
	}
	out := bytes.NewBufferString(mark + "\n")
	if err := parsed.Execute(out, data); err != nil {
		return err
	}
	path = filepath.Join(r.dir, path)
	if err := replaceable(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// replaceable guards what a person wrote.
func replaceable(path string) error {
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(content, []byte(mark)) {
		return fmt.Errorf("%s is not from an earlier demonstration and stays as it is: choose another --dir", path)
	}
	return nil
}
