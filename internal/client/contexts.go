package client

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Contexts are the gateways that a person works with, by name.
type Contexts struct {
	Current  string             `yaml:"current,omitempty" json:"current,omitempty"`
	Contexts map[string]Context `yaml:"contexts,omitempty" json:"contexts,omitempty"`

	file string
}

// Context is one gateway: a server, or a socket.
type Context struct {
	Server    string `yaml:"server,omitempty" json:"server,omitempty"`
	TokenFile string `yaml:"tokenFile,omitempty" json:"tokenFile,omitempty"`
	CAFile    string `yaml:"caFile,omitempty" json:"caFile,omitempty"`
	Socket    string `yaml:"socket,omitempty" json:"socket,omitempty"`
}

// ContextsFile is where contexts are kept: $XDG_CONFIG_HOME/sluice/contexts.yaml, else
// under ~/.config.
func ContextsFile() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "sluice", "contexts.yaml"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("contexts: neither XDG_CONFIG_HOME nor a home directory: %w", err)
	}
	return filepath.Join(home, ".config", "sluice", "contexts.yaml"), nil
}

// LoadContexts reads file. One that is not there holds no contexts.
func LoadContexts(file string) (*Contexts, error) {
	c := &Contexts{file: file, Contexts: map[string]Context{}}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("contexts: %w", err)
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return c, nil
	}
	if err := yaml.UnmarshalWithOptions(content, c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("contexts: %s: %w", file, err)
	}
	if c.Contexts == nil {
		c.Contexts = map[string]Context{}
	}
	return c, nil
}

// Names are the names of all contexts, in order.
func (c *Contexts) Names() []string { return slices.Sorted(maps.Keys(c.Contexts)) }

// Set adds or replaces a context. The first one becomes the current one.
func (c *Contexts) Set(name string, to Context) error {
	if name == "" || strings.ContainsAny(name, " \t\r\n/") {
		return fmt.Errorf("context name %q: use letters, digits, dots and dashes", name)
	}
	if (to.Server == "") == (to.Socket == "") {
		return fmt.Errorf("context %s: give either --server or --socket", name)
	}
	c.Contexts[name] = to
	if c.Current == "" {
		c.Current = name
	}
	return c.save()
}

// Use makes a context the current one. The empty name goes back to the data directory.
func (c *Contexts) Use(name string) error {
	if _, ok := c.Contexts[name]; !ok && name != "" {
		return c.unknown(name)
	}
	c.Current = name
	return c.save()
}

func (c *Contexts) target(name, from string) (Target, error) {
	found, ok := c.Contexts[name]
	if !ok {
		return Target{}, c.unknown(name)
	}
	return Target{Server: found.Server, TokenFile: found.TokenFile, CAFile: found.CAFile, Socket: found.Socket, From: from}, nil
}

func (c *Contexts) unknown(name string) error {
	known := "there are none yet: add one with `sluice context set`"
	if len(c.Contexts) > 0 {
		known = "there are: " + strings.Join(c.Names(), ", ")
	}
	return fmt.Errorf("no context %q in %s; %s", name, c.file, known)
}

// save writes a new file and moves it into place: a reader sees the old or the new one.
func (c *Contexts) save() error {
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	dir := filepath.Dir(c.file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("contexts: %w", err)
	}
	next, err := os.CreateTemp(dir, ".contexts-*") // mode 0600
	if err != nil {
		return fmt.Errorf("contexts: %w", err)
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), c.file)
	}
	if err != nil {
		_ = os.Remove(next.Name())
		return fmt.Errorf("contexts: %w", err)
	}
	return nil
}
