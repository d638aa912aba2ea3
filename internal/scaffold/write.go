package scaffold

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed templates
var templates embed.FS

// File is one file of the working directory.
type File struct {
	Path    string // relative
	Content []byte
}

// Render makes the files without writing them.
func Render(o Options) ([]File, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	files := []File{{Path: "sluice.yaml"}, {Path: filepath.Join("tenants", o.Tenant+".yaml")}, {Path: ".gitignore"}}
	for i, source := range []string{"sluice.yaml", "tenant.yaml", "gitignore"} {
		content, err := render(source, o)
		if err != nil {
			return nil, err
		}
		files[i].Content = content
	}
	return files, nil
}

func render(source string, o Options) ([]byte, error) {
	text, err := templates.ReadFile("templates/" + source)
	if err != nil {
		return nil, err
	}
	parsed, err := template.New(source).Funcs(template.FuncMap{"quote": quote}).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, o); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// quote writes a value as JSON, which is YAML too: nothing in it can end the string.
func quote(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// Write puts files below dir. When one of them exists, none is written.
func Write(dir string, files []File) error {
	var taken []error
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.Path)); err == nil {
			taken = append(taken, fmt.Errorf("%s exists already", filepath.Join(dir, f.Path)))
		} else if !errors.Is(err, fs.ErrNotExist) {
			taken = append(taken, err)
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("nothing was written: %w", errors.Join(taken...))
	}
	for _, f := range files {
		if err := create(filepath.Join(dir, f.Path), f.Content); err != nil {
			return err
		}
	}
	return nil
}

// create fails rather than replace what came in between.
func create(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
