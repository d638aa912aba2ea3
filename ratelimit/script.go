package ratelimit

import (
	_ "embed" // the script
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Script is what Redis runs for one call; Keys, Args and Decode are its two ends.
//
//go:embed script.lua
var Script string

// Keys are the hashes of the call's cells. They share a hash tag, so that a call stays on one
// node of a cluster.
func (c *Call) Keys(prefix string) []string {
	keys := make([]string, len(c.Cells))
	for i := range c.Cells {
		keys[i] = Key(prefix, c.Scope, c.Cells[i].Name)
	}
	return keys
}

// Key names what belongs to a scope.
func Key(prefix, scope, name string) string { return prefix + "{" + scope + "}:" + name }

// Args are the script's arguments: the replica, the cells, the asks, each list after its length.
func (c *Call) Args() []any {
	args := make([]any, 0, 4+15*len(c.Cells)+5*len(c.Asks))
	args = append(args, c.Replica, len(c.Cells))
	for i := range c.Cells {
		args = c.Cells[i].args(args)
	}
	args = append(args, len(c.Asks))
	for i := range c.Asks {
		args = append(args, flag(c.Asks[i].Priority), len(c.Asks[i].Needs))
		for _, n := range c.Asks[i].Needs {
			args = append(args, n.Cell, n.Cost)
		}
	}
	return args
}

func (c *Cell) args(to []any) []any {
	to = append(to, int(c.Kind), c.Rate, c.Limit, c.Reserve, c.TTL, c.Have, c.Held, c.Return, c.Debt, c.Refund, c.Since, c.Want, c.Demand, flag(c.Reset))
	if c.Kind == Windowed {
		for _, b := range c.Bounds {
			to = append(to, b)
		}
	}
	return to
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

// Decode takes the script's answer in.
func (c *Call) Decode(reply []any) error {
	if len(reply) != 1+len(c.Cells)+len(c.Asks) {
		return fmt.Errorf("limits script: %d answers for %d cells and %d asks", len(reply), len(c.Cells), len(c.Asks))
	}
	words := make([]string, len(reply))
	for i, r := range reply {
		s, ok := r.(string)
		if !ok {
			return fmt.Errorf("limits script: answer %d is a %T", i, r)
		}
		words[i] = s
	}
	d := decoder{fields: words[:1]}
	c.Now = d.int()
	for i := range c.Cells {
		d.cell(&c.Cells[i], words[1+i])
	}
	for i := range c.Asks {
		d.ask(&c.Asks[i], words[1+len(c.Cells)+i], len(c.Cells))
	}
	return d.err
}

// decoder reads numbers and keeps the first error.
type decoder struct {
	fields []string
	err    error
}

func (d *decoder) next() string {
	if len(d.fields) == 0 {
		if d.err == nil {
			d.err = fmt.Errorf("limits script: answer is too short")
		}
		return "0"
	}
	f := d.fields[0]
	d.fields = d.fields[1:]
	return f
}

func (d *decoder) float() float64 {
	x, err := strconv.ParseFloat(d.next(), 64)
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("limits script: %w", err)
	}
	return x
}

func (d *decoder) int() int64 { return int64(d.float()) }

func (d *decoder) cell(c *Cell, words string) {
	d.fields = strings.Fields(words)
	c.Kept, c.Got, c.Lease = int(d.int()), int(d.int()), d.int()
	c.Free, c.Share = d.float(), d.float()
	c.Replicas, c.Wait = int(d.int()), d.int()
}

func (d *decoder) ask(a *Ask, words string, cells int) {
	a.Granted, a.Short = words == "", nil
	d.fields = strings.Fields(words)
	for len(d.fields) > 0 {
		s := Short{Cell: int(d.int()), Wait: time.Duration(d.int()) * time.Microsecond}
		if s.Cell >= 0 && s.Cell < cells {
			a.Short = append(a.Short, s)
		}
	}
}
