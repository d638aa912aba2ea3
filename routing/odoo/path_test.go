package odoo

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func profileFor(t testing.TB, version string) Profile {
	t.Helper()
	p, exact := ProfileFor(version)
	if !exact {
		t.Fatalf("no profile of %s", version)
	}
	return p
}

func TestDecodePath(t *testing.T) {
	for name, c := range map[string]struct {
		escaped, want string
		err           error
	}{
		"a plain path stays":             {escaped: "/web/login", want: "/web/login"},
		"a slash at the end stays":       {escaped: "/web/", want: "/web/"},
		"the root":                       {escaped: "/", want: "/"},
		"leading slashes become one":     {escaped: "//web/database/manager", want: "/web/database/manager"},
		"inner slashes become one":       {escaped: "/web///database", want: "/web/database"},
		"P01 an encoded letter":          {escaped: "/web/%64atabase", want: "/web/database"},
		"P02 an encoded slash":           {escaped: "/web%2fdatabase/manager", want: "/web/database/manager"},
		"an encoded slash beside one":    {escaped: "/web/%2Fdatabase", want: "/web/database"},
		"P03 decoded once":               {escaped: "/web%252fdatabase", want: "/web%2fdatabase"},
		"P09 free names":                 {escaped: "/web/content/1/50%25%20off%3F.pdf", want: "/web/content/1/50% off?.pdf"},
		"P09 dots behind an encoded one": {escaped: "/web/image/..%2Fa", want: "/web/image/../a"},
		"P09 slugs":                      {escaped: "/@slug", want: "/@slug"},
		"P05 broken UTF-8 is a name":     {escaped: "/%c0%af", want: "/\xc0\xaf"},
		"P01 dot segment":                {escaped: "/web/./database", err: ErrPathDots},
		"P01 two dots":                   {escaped: "/web/x/../database/manager", err: ErrPathDots},
		"P01 encoded dots":               {escaped: "/x/%2e%2E/web/database", err: ErrPathDots},
		"P01 half encoded dots":          {escaped: "/x/.%2e", err: ErrPathDots},
		"three dots are a name":          {escaped: "/x/.../y", want: "/x/.../y"},
		"a dot file":                     {escaped: "/.well-known/x", want: "/.well-known/x"},
		"P04 backslash":                  {escaped: `/web\database`, err: ErrPathByte},
		"P04 encoded backslash":          {escaped: "/web%5cdatabase", err: ErrPathByte},
		"P04 NUL":                        {escaped: "/web%00", err: ErrPathByte},
		"P06 raw NUL":                    {escaped: "/web\x00", err: ErrPathByte},
		"P06 tab":                        {escaped: "/web\t", err: ErrPathByte},
		"encoded line feed":              {escaped: "/web%0a", err: ErrPathByte},
		"P06 space":                      {escaped: "/web /x", err: ErrPathByte},
		"an encoded space":               {escaped: "/web%20x", want: "/web x"},
		"P06 broken encoding":            {escaped: "/%zz", err: ErrPathEncoding},
		"cut encoding":                   {escaped: "/a%4", err: ErrPathEncoding},
		"P06 fragment":                   {escaped: "/web/database#x", err: ErrPathByte},
		"question mark":                  {escaped: "/web?x", err: ErrPathByte},
		"no slash":                       {escaped: "web", err: ErrPath},
		"empty":                          {escaped: "", err: ErrPath},
		"asterisk":                       {escaped: "*", err: ErrPath},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodePath(c.escaped)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("DecodePath(%q) = %q, %v; want %q, %v", c.escaped, got, err, c.want, c.err)
			}
		})
	}
}

// outcome of the whole decision: refused by DecodePath or EncodedOK, or a class.
func decide(p Profile, escaped string) string {
	path, err := DecodePath(escaped)
	if err != nil {
		return "refused"
	}
	class := p.Classify(path, "GET")
	if !EncodedOK(escaped, class) {
		return "refused"
	}
	return string(class)
}

func TestPathConfusion(t *testing.T) {
	p := profileFor(t, "18.0")
	for escaped, want := range map[string]string{
		"/web/x/../database/manager":          "refused",
		"/web/./database":                     "refused",
		"//web//database/manager":             "manager",
		"/web/%2e%2e/web/database":            "refused",
		"/web/%64atabase/manager":             "refused",
		"/web%2fdatabase/manager":             "refused",
		"/web%2Fdatabase%2fmanager":           "refused",
		"/web%252fdatabase":                   "refused",
		`/web\database`:                       "refused",
		"/web%5cdatabase":                     "refused",
		"/web%00/database":                    "refused",
		"/web%3fdatabase":                     "refused",
		"/web;x/database":                     "web",
		"/web/database;x":                     "web",
		"/WEB/database":                       "web",
		"/web%c0%afdatabase":                  "web",
		"/xmlrpc/db":                          "manager",
		"/xmlrpc/2/db":                        "manager",
		"/en/xmlrpc/2/db":                     "manager",
		"/e/xmlrpc/2/db":                      "manager",
		"/en_US/web/database/list":            "manager",
		"/web/database/manager/":              "manager",
		"/web/database":                       "manager",
		"/web/databases":                      "web",
		"/my/xmlrpc/db":                       "manager",
		"/web/content/1/50%25%20off%3F.pdf":   "web",
		"/web/image/..%2Fa":                   "web",
		"/web/image/..%2F..%2Fweb/database/x": "refused",
		"/fr/web/image/1/a%2Fb":               "web",
		"/@slug":                              "web",
		"/shop/caf%C3%A9":                     "web",
		"/%72eport/barcode/a%2Fb":             "refused",
		"/report/barcode/QR/https%3A%2F%2Fx":  "web",
		"/xmlrpc%2F2/object":                  "refused",
		"/%78mlrpc/2/object":                  "rpc",
		"/websocke%74":                        "refused",
	} {
		if got := decide(p, escaped); got != want {
			t.Errorf("%s: got %s, want %s", escaped, got, want)
		}
	}
	for _, route := range []string{"selector", "manager", "create", "duplicate", "drop", "backup", "restore", "change_password", "list"} {
		for _, prefix := range []string{"", "/en", "/fr_BE", "/sr@latin", "//", "/x"} {
			if got := decide(p, prefix+"/web/database/"+route); got != "manager" {
				t.Errorf("%s/web/database/%s: got %s", prefix, route, got)
			}
		}
	}
}

// werkzeugDecode is the path as Odoo sees it, written another way: unquote once, then one
// slash for many.
func werkzeugDecode(escaped string) (string, bool) {
	decoded, err := url.PathUnescape(escaped)
	return regexp.MustCompile("/+").ReplaceAllString(decoded, "/"), err == nil
}

// Odoo decides on what Werkzeug decoded: what we let pass must mean the same there.
func FuzzDecodePath(f *testing.F) {
	for _, s := range []string{
		"/web/database/manager", "//web//database", "/web%2fdatabase", "/web%252fdatabase", "/en/xmlrpc/2/db",
		"/%2e%2e/x", "/web/image/..%2Fx", "/a%c0%af", "/web;x", "/x/.%2e/", "/fr/%77eb/database", "/%", "/web/\x80",
	} {
		f.Add(s)
	}
	p, _ := ProfileFor("18.0")
	f.Fuzz(func(t *testing.T, escaped string) {
		got := decide(p, escaped)
		if got == "refused" {
			return
		}
		seen, ok := werkzeugDecode(escaped)
		if !ok {
			t.Fatalf("%q passed but does not decode", escaped)
		}
		if path, _ := DecodePath(escaped); path != seen {
			t.Fatalf("%q: we see %q, Odoo sees %q", escaped, path, seen)
		}
		if again := string(p.Classify(seen, "GET")); again != got {
			t.Fatalf("%q: class %s, as Odoo decodes it %s", escaped, got, again)
		}
		if denied(seen) && got != "manager" {
			t.Fatalf("%q reaches the manager as %s", escaped, got)
		}
	})
}

// denied is written as the facts say it, without the code under test.
func denied(path string) bool {
	return regexp.MustCompile(`^(/[^/]+)?/(web/database|xmlrpc/db|xmlrpc/2/db)(/|$)`).MatchString(strings.TrimRight(path, "/") + "/")
}

func TestSplitTarget(t *testing.T) {
	for target, want := range map[string]Target{
		"/web/login?x=1":            {Path: "/web/login", Query: "x=1"},
		"//beta.test/x":             {Path: "//beta.test/x"},
		"/":                         {Path: "/"},
		"http://acme.test/a?b=http": {Host: "acme.test", Path: "/a", Query: "b=http"},
		"HTTPS://acme.test":         {Host: "acme.test", Path: "/"},
		"http://acme.test?x":        {Host: "acme.test", Path: "/", Query: "x"},
	} {
		if got, err := SplitTarget(target); err != nil || got != want {
			t.Errorf("SplitTarget(%q) = %+v, %v; want %+v", target, got, err, want)
		}
	}
	for _, target := range []string{"", "*", "web", "http:beta.test/p", "http://", "http:///x", "ftp://a/b", "http://acme@beta/", "/web/database#x", "http://a/#"} {
		if got, err := SplitTarget(target); !errors.Is(err, ErrTarget) {
			t.Errorf("SplitTarget(%q) = %+v, %v; want a refusal", target, got, err)
		}
	}
}
