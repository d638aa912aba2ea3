package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one linked module and the legal files that lie beside its linked packages.
type module struct {
	Path, Version string
	// Instead is what go.mod replaces the module by, empty when nothing.
	Instead  string
	Licences []file
	Notices  []file
}

type file struct{ Name, Text string }

// listed is the part of go list's answer that we read.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *listedModule
}

type listedModule struct {
	Path, Version, Dir string
	Main               bool
	Replace            *listedModule
}

// origin is a foreign module and where its files are.
type origin struct{ path, version, instead, dir string }

// linked lists the modules in binary over all platforms that we release, sorted by path.
// Modules of our own tree are covered by LICENSE and left out.
func linked(binary string) ([]*module, error) {
	dirs := map[origin]map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		packages, err := list(binary, arch)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			key, theirs := theirModule(p)
			if !theirs {
				continue
			}
			if dirs[key] == nil {
				dirs[key] = map[string]bool{}
			}
			dirs[key][p.Dir] = true
		}
	}
	var modules []*module
	for from, packages := range dirs {
		m, err := read(from, packages)
		if err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b *module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

func list(binary, arch string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Standard,Module", binary)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", binary, err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("read go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// theirModule says which foreign module p belongs to; the standard library counts as one.
func theirModule(p listed) (origin, bool) {
	m := p.Module
	switch {
	case p.Standard:
		root := p.Dir[:strings.LastIndex(p.Dir, string(filepath.Separator)+"src"+string(filepath.Separator))]
		return origin{path: "Go standard library", dir: root}, true
	case m == nil || m.Main:
		return origin{}, false
	case m.Replace == nil:
		return origin{path: m.Path, version: m.Version, dir: m.Dir}, true
	case m.Replace.Version == "": // a folder of ours
		return origin{}, false
	}
	instead := m.Replace.Path + " " + m.Replace.Version
	return origin{path: m.Path, version: m.Version, instead: instead, dir: m.Replace.Dir}, true
}

// read collects the legal files of a module from its root and from every folder between the
// root and a linked package: code that a module took from elsewhere keeps its licence there.
func read(from origin, packages map[string]bool) (*module, error) {
	m := &module{Path: from.path, Version: from.version, Instead: from.instead}
	folders := map[string]bool{from.dir: true}
	for dir := range packages {
		for ; strings.HasPrefix(dir, from.dir) && !folders[dir]; dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	for dir := range folders {
		if err := m.readFolder(from.dir, dir); err != nil {
			return nil, err
		}
	}
	byName := func(a, b file) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(m.Licences, byName)
	slices.SortFunc(m.Notices, byName)
	if len(m.Licences) == 0 {
		return nil, fmt.Errorf("%s has no licence file", m.Path)
	}
	return m, nil
}

func (m *module) readFolder(root, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		kind := legal(e.Name())
		if kind == "" || e.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if kind == "notice" {
			m.Notices = append(m.Notices, file{name, string(text)})
		} else {
			m.Licences = append(m.Licences, file{name, string(text)})
		}
	}
	return nil
}

// legal says what a file name promises: "licence", "notice" or nothing.
func legal(name string) string {
	stem := strings.ToUpper(name)
	switch filepath.Ext(stem) {
	case ".GO", ".HTML", ".DOCS": // code, a copy for reading, a licence of pages that are not linked
		return ""
	}
	switch {
	case strings.HasPrefix(stem, "LICENSE"), strings.HasPrefix(stem, "LICENCE"),
		strings.HasPrefix(stem, "COPYING"), strings.HasPrefix(stem, "UNLICENSE"):
		return "licence"
	case strings.HasPrefix(stem, "NOTICE"):
		return "notice"
	}
	return ""
}
