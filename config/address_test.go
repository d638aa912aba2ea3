package config

import (
	"net/netip"
	"testing"
)

func TestBackendAddresses(t *testing.T) {
	for raw, want := range map[string]string{ // "" refuses
		"http://10.0.0.5:8069":       "http://10.0.0.5:8069",
		"http://127.0.0.1:8069/":     "http://127.0.0.1:8069",
		"http://[::1]:8069":          "http://[::1]:8069",
		"http://ODOO.internal.:8069": "http://odoo.internal:8069",
		"https://odoo.internal":      "https://odoo.internal:443",
		"http://odoo_1:8069":         "http://odoo_1:8069",
		"http://[fd12:3456::7]:80":   "http://[fd12:3456::7]:80",
		"http://[::ffff:10.0.0.5]":   "http://10.0.0.5:80",

		"http://169.254.169.254":            "",
		"http://169.254.1.1:8069":           "",
		"http://168.63.129.16":              "",
		"http://100.100.100.200":            "",
		"http://[fd00:ec2::254]":            "",
		"http://[fe80::1]":                  "",
		"http://[fe80::1%25eth0]":           "",
		"http://[::ffff:169.254.169.254]":   "",
		"http://[::ffff:a9fe:a9fe]":         "",
		"http://[64:ff9b::a9fe:a9fe]":       "",
		"http://[::a9fe:a9fe]":              "",
		"http://[2002:a9fe:a9fe::1]":        "",
		"http://0.0.0.0:8069":               "",
		"http://0.1.2.3":                    "",
		"http://[::]:8069":                  "",
		"http://224.0.0.1":                  "",
		"http://[ff02::1]":                  "",
		"http://255.255.255.255":            "",
		"http://2130706433":                 "",
		"http://0x7f000001":                 "",
		"http://0x7f.0.0.1":                 "",
		"http://0177.0.0.1":                 "",
		"http://127.1":                      "",
		"http://10.0.0.5.":                  "",
		"http://metadata.google.internal":   "",
		"http://METADATA.google.internal./": "",
		"file:///etc/passwd":                "",
		"gopher://10.0.0.5":                 "",
		"10.0.0.5:8069":                     "",
		"http://":                           "",
		"http://user@10.0.0.5":              "",
		"http://10.0.0.5/web":               "",
		"http://10.0.0.5?x":                 "",
		"http://10.0.0.5#x":                 "",
		"http://10.0.0.5:0":                 "",
		"http://10.0.0.5:65536":             "",
		"http://a b":                        "",
		"http://10.0.0.5\\@evil":            "",
		"http://evil`) || Host(`x":          "",
		"http://{{ .Env }}":                 "",
		"http://odoo\n.internal":            "",
	} {
		e, message, _ := parseEndpoint(raw)
		got := ""
		if message == "" {
			got = e.url()
		}
		if got != want {
			t.Errorf("%s: got %q (%s), want %q", raw, got, message, want)
		}
	}
}

func TestForbiddenAddr(t *testing.T) {
	if why, bad := ForbiddenAddr(netip.Addr{}); !bad || why == "" {
		t.Error("no address is fine")
	}
	for _, ok := range []string{"10.0.0.1", "127.0.0.1", "::1", "192.168.1.1", "2001:db8::1", "64:ff9b::a00:1", "fd00::1"} {
		if why, bad := ForbiddenAddr(netip.MustParseAddr(ok)); bad {
			t.Errorf("%s %s", ok, why)
		}
	}
}

func TestOwnListeners(t *testing.T) {
	for _, c := range []struct {
		backend, listener string
		want              bool
	}{
		{"http://127.0.0.1:8080", ":8080", true},
		{"http://127.9.9.9:8080", "0.0.0.0:8080", true},
		{"http://localhost:8080", "[::]:8080", true},
		{"http://localhost:8080", "127.0.0.1:8080/tcp", true},
		{"http://10.0.0.1:8080", "10.0.0.1:8080", true},
		{"http://10.0.0.2:8080", "10.0.0.1:8080", false},
		{"http://10.0.0.1:8080", ":8080", false}, // may be another machine; asked again at dial
		{"http://127.0.0.1:8081", ":8080", false},
		{"http://127.0.0.1:8080", "nonsense", false},
	} {
		e, message, _ := parseEndpoint(c.backend)
		if message != "" {
			t.Fatal(message)
		}
		if got := e.isListener(c.listener); got != c.want {
			t.Errorf("%s at %s: got %v", c.backend, c.listener, got)
		}
	}
}
