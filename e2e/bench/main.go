package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	short    bool
	rounds   int
	duration time.Duration
	out      string
	only     []string
}

// cases in the order in which they run.
var cases = []struct {
	name string
	run  func(*bench)
}{
	{"route", (*bench).route},
	{"tenants", (*bench).tenants},
	{"change", (*bench).change},
	{"sockets", (*bench).sockets},
	{"storm", (*bench).storm},
	{"slow", (*bench).slow},
	{"pins", (*bench).pins},
	{"store", (*bench).storeFaults},
	{"flood", (*bench).flood},
	{"cutover", (*bench).cutover},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "backend" {
		serveBackend(os.Args[2], len(os.Args) > 3 && os.Args[3] == "close")
		return
	}
	var o options
	only := ""
	flag.BoolVar(&o.short, "short", false, "a smoke run of about a minute")
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "length of one measurement")
	flag.StringVar(&o.out, "out", "", "write the tables to this file too")
	flag.StringVar(&only, "only", "", "cases, separated by commas: route, tenants, change, sockets, storm, slow, pins, store, flood, cutover")
	flag.Parse()
	if o.short {
		o.rounds, o.duration = 1, time.Second
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	out := io.Writer(os.Stdout)
	if o.out != "" {
		file, err := os.Create(o.out)
		if err != nil {
			return err
		}
		defer file.Close()
		out = io.MultiWriter(os.Stdout, file)
	}
	b := newBench(o, out)
	defer b.close()
	// The harness ends a failed test by Fatal; here that is a panic with a message.
	defer func() {
		if failed, ok := recover().(fatal); ok {
			err = failed
		} else if r := recover(); r != nil {
			panic(r)
		}
	}()
	b.machine()
	for _, c := range cases {
		if len(o.only) == 0 || slices.Contains(o.only, c.name) {
			c.run(b)
		}
	}
	return nil
}
