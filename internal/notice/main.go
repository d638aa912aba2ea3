package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
)

var errOutOfStep = errors.New("out of step with go.mod: run 'make notice' and commit the result")

func main() {
	check := flag.Bool("check", false, "compare only; fail when the file is out of step")
	file := flag.String("file", "NOTICE", "the file to write or compare")
	flag.Parse()
	binary := "./cmd/sluice"
	if flag.NArg() > 0 {
		binary = flag.Arg(0)
	}
	if err := run(binary, *file, *check); err != nil {
		fmt.Fprintln(os.Stderr, "notice:", err)
		os.Exit(1)
	}
}

func run(binary, file string, check bool) error {
	modules, err := linked(binary)
	if err != nil {
		return err
	}
	want, err := render(modules)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(file, want, 0o644)
	}
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("%s is %w", file, errOutOfStep)
	}
	return nil
}
