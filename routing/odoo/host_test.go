package odoo

import (
	"errors"
	"strings"
	"testing"
)

func TestCanonicalHost(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, c := range map[string]struct {
		raw, host, port string
		err             error
	}{
		"canonical stays":                  {raw: "acme.test", host: "acme.test"},
		"T07 one dot at the end goes":      {raw: "acme.test.", host: "acme.test"},
		"T08 lower case":                   {raw: "ACME.Test", host: "acme.test"},
		"T08 port is split off":            {raw: "acme.test:8443", host: "acme.test", port: "8443"},
		"T08 empty port":                   {raw: "acme.test:", host: "acme.test"},
		"dot and port":                     {raw: "Acme.test.:80", host: "acme.test", port: "80"},
		"T08 port above 65535":             {raw: "acme.test:99999", err: ErrPort},
		"port zero":                        {raw: "acme.test:0", err: ErrPort},
		"port of letters":                  {raw: "acme.test:http", err: ErrPort},
		"two ports":                        {raw: "acme.test:80:80", err: ErrPort},
		"long port":                        {raw: "acme.test:000080", err: ErrPort},
		"T02 two hosts":                    {raw: "acme.test, beta.test", err: ErrHost},
		"T02 slash":                        {raw: "acme.test/x", err: ErrHost},
		"T02 space":                        {raw: "acme.test ", err: ErrHost},
		"T02 NUL":                          {raw: "acme.test\x00", err: ErrHost},
		"T02 UTF-8":                        {raw: "äcme.test", err: ErrHost},
		"T04 user information":             {raw: "acme.test@beta.test", err: ErrHost},
		"T04 user information with port":   {raw: "acme:80@beta.test", err: ErrPort},
		"T06 empty":                        {raw: "", err: ErrHost},
		"only a port":                      {raw: ":80", err: ErrHost},
		"T06 IPv4":                         {raw: "127.0.0.1:80", host: "127.0.0.1", port: "80"},
		"T06 IPv6":                         {raw: "[::1]:8069", host: "::1", port: "8069"},
		"IPv6 upper case":                  {raw: "[FE80::A]", host: "fe80::a"},
		"IPv6 zone":                        {raw: "[fe80::1%25eth0]", err: ErrHost},
		"IPv6 without end":                 {raw: "[::1", err: ErrHost},
		"IPv6 with a tail":                 {raw: "[::1]x", err: ErrPort},
		"a name in brackets":               {raw: "[acme]", err: ErrHost},
		"T09 empty label first":            {raw: ".wild.test", err: ErrHost},
		"empty label inside":               {raw: "a..test", err: ErrHost},
		"two dots at the end":              {raw: "acme.test..", err: ErrHost},
		"only a dot":                       {raw: ".", err: ErrHost},
		"T11 underscore is let through":    {raw: "a_b.wild.test", host: "a_b.wild.test"},
		"T12 punycode stays":               {raw: "xn--80ak6aa92e.test", host: "xn--80ak6aa92e.test"},
		"T12 encoded dot":                  {raw: "acme%2etest", err: ErrHost},
		"star":                             {raw: "*.wild.test", err: ErrHost},
		"label of 63":                      {raw: long + ".test", host: long + ".test"},
		"label of 64":                      {raw: long + "a.test", err: ErrHost},
		"253 in all":                       {raw: long + "." + long + "." + long + "." + long[:61], host: long + "." + long + "." + long + "." + long[:61]},
		"254 in all":                       {raw: long + "." + long + "." + long + "." + long[:62], err: ErrHost},
		"A06 rule text":                    {raw: "a`) || HostRegexp(`.*", err: ErrHost},
		"line feed":                        {raw: "acme.test\n", err: ErrHost},
		"backslash":                        {raw: "acme.test\\x", err: ErrHost},
		"full-width dot":                   {raw: "acme\u3002test", err: ErrHost},
		"fragment":                         {raw: "acme.test#", err: ErrHost},
		"upper-case with port and one dot": {raw: "A.B.:1", host: "a.b", port: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			host, port, err := CanonicalHost(c.raw)
			if host != c.host || port != c.port || !errors.Is(err, c.err) {
				t.Errorf("CanonicalHost(%q) = %q, %q, %v; want %q, %q, %v", c.raw, host, port, err, c.host, c.port, c.err)
			}
		})
	}
}

func TestIsIP(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.1": true, "2130706433": true, "0x7f000001": true, "0x7f.0.0.1": true,
		"::1": true, "fe80::a": true, "017700000001": true,
		"acme.test": false, "1.test": false, "127.0.0.1.nip.io": false, "0xbeef.test": false, "xn--p1ai": false,
	} {
		if got := IsIP(host); got != want {
			t.Errorf("IsIP(%q) = %v, want %v", host, got, want)
		}
	}
}

func FuzzCanonicalHost(f *testing.F) {
	for _, s := range []string{"acme.test", "ACME.test.:80", "[::1]:80", "a_b.x", "a..b", ":1", "x@y", "a%2eb", "xn--a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		host, _, err := CanonicalHost(raw)
		if err != nil {
			if host != "" {
				t.Fatalf("a refused host came back as %q", host)
			}
			return
		}
		if host != strings.ToLower(host) || strings.HasSuffix(host, ".") || strings.ContainsAny(host, " /@%#?\\\x00,*") || len(host) > maxHost {
			t.Fatalf("CanonicalHost(%q) = %q is not canonical", raw, host)
		}
		if strings.Contains(host, ":") {
			return // an IPv6 literal has lost its brackets
		}
		again, _, err := CanonicalHost(host)
		if err != nil || again != host {
			t.Fatalf("not a fixed point: %q -> %q -> %q, %v", raw, host, again, err)
		}
	})
}
