package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// scalar is a value written as one word that has a grammar of its own.
type scalar interface {
	parse(text string) error
	want() string // what the word should have looked like, for the report
}

// Duration is written with a unit: 250ms, 2s, 5m, 2h.
type Duration time.Duration

func (d *Duration) parse(text string) error {
	v, err := time.ParseDuration(text)
	if err == nil && v < 0 {
		return fmt.Errorf("negative duration %q", text)
	}
	*d = Duration(v)
	return err
}

func (*Duration) want() string { return "a duration such as 2s or 5m" }

// String is the shortest form that parses back.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalJSON writes the form that documents use.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// JSONSchema describes the written form.
func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type:     "string",
		Pattern:  `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$`,
		Examples: []any{"2s", "5m"},
	}
}

// Size is a number of bytes, written with or without a unit: 65536, 64KiB, 128MiB, 1GiB.
type Size int64

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// sizeUnits lists the longest suffix first, so that "KiB" is not read as "B".
func sizeUnits() []struct {
	suffix string
	factor int64
} {
	return []struct {
		suffix string
		factor int64
	}{
		{"KiB", kib},
		{"MiB", mib},
		{"GiB", gib},
		{"TiB", 1 << 40},
		{"Ki", kib},
		{"Mi", mib},
		{"Gi", gib},
		{"Ti", 1 << 40},
		{"kB", 1e3},
		{"MB", 1e6},
		{"GB", 1e9},
		{"TB", 1e12},
		{"B", 1},
		{"", 1},
	}
}

func (s *Size) parse(text string) error {
	for _, unit := range sizeUnits() {
		digits, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > (1<<62)/unit.factor {
			return fmt.Errorf("bad size %q", text)
		}
		*s = Size(n * unit.factor)
		return nil
	}
	return nil
}

func (*Size) want() string { return "a size such as 64KiB, 128MiB or 1GiB" }

// String is the largest binary unit that divides it.
func (s Size) String() string {
	for _, unit := range []struct {
		suffix string
		factor Size
	}{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}} {
		if s != 0 && s%unit.factor == 0 {
			return strconv.FormatInt(int64(s/unit.factor), 10) + unit.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalJSON writes the form that documents use.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// JSONSchema describes the written form.
func (Size) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: "0"},
		{Type: "string", Pattern: `^[0-9]+ ?([KMGT]i?B?|kB|B)?$`, Examples: []any{"128MiB"}},
	}}
}

// Rate is a count for each second, minute, hour or day: 10/s, 600/m.
type Rate struct {
	Count int
	Per   time.Duration
}

func (r *Rate) parse(text string) error {
	count, per, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[strings.TrimSpace(per)]
	if !ok || err != nil || n < 1 || unit == 0 {
		return fmt.Errorf("bad rate %q", text)
	}
	*r = Rate{Count: n, Per: unit}
	return nil
}

func (*Rate) want() string { return "a rate such as 10/s, 600/m or 5000/h" }

// String is the written form.
func (r Rate) String() string {
	unit := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h", 24 * time.Hour: "d"}[r.Per]
	return strconv.Itoa(r.Count) + "/" + unit
}

// MarshalJSON writes the form that documents use.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// JSONSchema describes the written form.
func (Rate) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[1-9][0-9]*/[smhd]$`, Examples: []any{"600/m"}}
}

// Prefix is a network such as 10.0.0.0/8; a bare address stands for itself alone.
type Prefix struct{ netip.Prefix }

func (p *Prefix) parse(text string) error {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		p.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return err
	}
	if prefix.Masked() != prefix {
		return fmt.Errorf("host bits are set; write %s", prefix.Masked())
	}
	p.Prefix = prefix
	return nil
}

func (*Prefix) want() string { return "a network such as 10.0.0.0/8 or an address such as 192.0.2.7" }

// MarshalJSON writes the form that documents use.
func (p Prefix) MarshalJSON() ([]byte, error) { return json.Marshal(p.Prefix.String()) }

// JSONSchema describes the written form.
func (Prefix) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Examples: []any{"10.0.0.0/8", "192.0.2.7"}}
}

// prefixes drops the written form.
func prefixes(list []Prefix) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = p.Prefix
	}
	return out
}

// Path names a file, relative to the file that holds it.
type Path string

// Raw is kept as written, for whoever it is meant for.
type Raw map[string]any

// JSONSchema lets everything through.
func (Raw) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }
