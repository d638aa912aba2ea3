package odoo

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

const (
	sid40  = "0123456789abcdef0123456789abcdef01234567"
	sid84  = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmU1r7b7ur4gxXCkgX0jGcqgh7HG9dISOsYGdBfsTs4e"
	sid84b = "HEHvDZg1FEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmU1r7b7ur4gxXCkgX0jGcqgh7HG9dISOsYGdBfsTs4"
)

func TestSessionKey(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		key   string
		well  bool
	}{
		"none":                          {},
		"other cookies only":            {lines: []string{"a=b; cids=1"}},
		"40 hex is the key":             {lines: []string{"session_id=" + sid40}, key: sid40, well: true},
		"84: the first 42":              {lines: []string{"session_id=" + sid84}, key: sid84[:42], well: true},
		"the first of two":              {lines: []string{"session_id=" + sid84 + "; session_id=" + sid40}, key: sid84[:42], well: true},
		"the first over two lines":      {lines: []string{"a=b", "session_id=" + sid40, "session_id=" + sid84}, key: sid40, well: true},
		"quoted":                        {lines: []string{`session_id="` + sid40 + `"`}, key: sid40, well: true},
		"spaces":                        {lines: []string{"  session_id = " + sid40 + " "}, key: sid40, well: true},
		"upper-case hex is malformed":   {lines: []string{"session_id=" + strings.ToUpper(sid40)}},
		"malformed first decides":       {lines: []string{"session_id=x; session_id=" + sid40}},
		"the name is case-sensitive":    {lines: []string{"Session_id=" + sid40}},
		"a longer name is another":      {lines: []string{"xsession_id=" + sid40}},
		"83 is malformed":               {lines: []string{"session_id=" + sid84[:83]}},
		"sign outside of the alphabet":  {lines: []string{"session_id=" + sid84[:83] + "+"}},
		"empty":                         {lines: []string{"session_id="}},
		"a value may hold equals signs": {lines: []string{"a=b=session_id=c; session_id=" + sid40}, key: sid40, well: true},
	} {
		t.Run(name, func(t *testing.T) {
			if key, well := SessionKey(c.lines); key != c.key || well != c.well {
				t.Errorf("got %q, %v; want %q, %v", key, well, c.key, c.well)
			}
		})
	}
}

func TestCleanCookies(t *testing.T) {
	for name, c := range map[string]struct {
		lines   []string
		clean   string
		changed bool
	}{
		"none":                            {},
		"clean stays":                     {lines: []string{"a=b; session_id=" + sid40 + "; c=d"}, clean: "a=b; session_id=" + sid40 + "; c=d"},
		"quoted others stay":              {lines: []string{`a="x y"; b=1`}, clean: `a="x y"; b=1`},
		"malformed goes":                  {lines: []string{"a=b; session_id=../../etc; c=d"}, clean: "a=b; c=d", changed: true},
		"the second goes":                 {lines: []string{"session_id=" + sid40 + "; session_id=" + sid84}, clean: "session_id=" + sid40, changed: true},
		"malformed first, the next stays": {lines: []string{"session_id=x; session_id=" + sid40}, clean: "session_id=" + sid40, changed: true},
		"lines become one":                {lines: []string{"a=b", "c=d"}, clean: "a=b; c=d", changed: true},
		"quotes go":                       {lines: []string{`session_id="` + sid40 + `"`}, clean: "session_id=" + sid40, changed: true},
		"blanks go":                       {lines: []string{"session_id = " + sid40}, clean: "session_id=" + sid40, changed: true},
		"only a malformed one":            {lines: []string{"session_id=x"}, changed: true},
		"without value":                   {lines: []string{"session_id; a=b"}, clean: "a=b", changed: true},
		"an open quote hides nothing":     {lines: []string{`a="x; session_id=` + sid40 + `; b=1"`}, clean: "session_id=" + sid40 + `; b=1"`, changed: true},
		"a quoted name goes":              {lines: []string{`"session_id"=` + sid40 + "; a=b"}, clean: "a=b", changed: true},
		"an octal name goes":              {lines: []string{`"sess\151on_id"=` + sid40}, changed: true},
		"an octal value goes":             {lines: []string{`session_id="\060123456789abcdef0123456789abcdef0123456"`}, changed: true},
		"a quote after the value goes":    {lines: []string{`a="b"c; d=e`}, clean: "d=e", changed: true},
		"an escaped last quote goes":      {lines: []string{`a="b\"; d=e`}, clean: "d=e", changed: true},
		"an escaped inner quote stays":    {lines: []string{`a="b\"c"; d=e`}, clean: `a="b\"c"; d=e`},
		"empty pieces go":                 {lines: []string{"a=b;;c=d;"}, clean: "a=b; c=d", changed: true},
		"tight semicolons are spaced":     {lines: []string{"a=b;c=d"}, clean: "a=b; c=d", changed: true},
		"an empty line":                   {lines: []string{""}, changed: true},
	} {
		t.Run(name, func(t *testing.T) {
			if clean, changed := CleanCookies(c.lines); clean != c.clean || changed != c.changed {
				t.Errorf("got %q, %v; want %q, %v", clean, changed, c.clean, c.changed)
			}
		})
	}
}

func FuzzCleanCookies(f *testing.F) {
	for _, s := range []string{"a=b; session_id=" + sid40, `a="x; session_id=` + sid84, `session_id="` + sid40 + `"`, ";;=", "session_id=a; session_id=" + sid84, "a=b;c"} {
		f.Add(s, "")
		f.Add("x=y", s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		clean, changed := CleanCookies([]string{one, two})
		if again, more := CleanCookies([]string{clean}); clean != "" && (more || again != clean) {
			t.Fatalf("not clean after cleaning: %q -> %q -> %q", []string{one, two}, clean, again)
		}
		if !changed {
			t.Fatal("two lines must become one")
		}
		if n := strings.Count(";"+strings.ReplaceAll(clean, " ", ""), ";session_id="); n > 1 {
			t.Fatalf("%d session ids in %q", n, clean)
		}
		if key, well := SessionKey([]string{clean}); (key != "") != well {
			t.Fatalf("SessionKey(%q) = %q, %v", clean, key, well)
		} else if !well && strings.Contains(";"+strings.ReplaceAll(clean, " ", ""), ";session_id=") {
			t.Fatalf("a malformed session id stayed: %q", clean)
		}
	})
}

func TestSecureCookie(t *testing.T) {
	for in, want := range map[string]string{
		"session_id=x; Path=/; HttpOnly":       "session_id=x; Path=/; HttpOnly; Secure; SameSite=Lax",
		"session_id=x; secure; samesite=None":  "session_id=x; secure; samesite=None",
		"session_id=x; SECURE":                 "session_id=x; SECURE; SameSite=Lax",
		"frontend_lang=en_US; Path=/":          "frontend_lang=en_US; Path=/; Secure",
		"td_id=x; HttpOnly; SameSite=Lax":      "td_id=x; HttpOnly; SameSite=Lax; Secure",
		"session_id=Secure; Comment=SameSite=": "session_id=Secure; Comment=SameSite=; Secure; SameSite=Lax",
	} {
		if got := SecureCookie(in); got != want {
			t.Errorf("SecureCookie(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSessionSet(t *testing.T) {
	if v, ok := SessionSet("session_id=" + sid40 + "; Path=/"); !ok || v != sid40 {
		t.Errorf("got %q, %v", v, ok)
	}
	if v, ok := SessionSet("session_id=; Max-Age=0"); !ok || v != "" {
		t.Errorf("a deletion: got %q, %v", v, ok)
	}
	if _, ok := SessionSet("cids=1"); ok {
		t.Error("another cookie sets no session")
	}
}

func TestCleanQuery(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"debug=1&menu=2":             "debug=1&menu=2",
		"db=beta":                    "",
		"a=1&db=beta&b=2":            "a=1&b=2",
		"%64b=beta&x":                "x",
		"d%62=beta":                  "",
		"session_id=x&a=1":           "a=1",
		"session%5fid=x":             "",
		"session%5Fid=x&b":           "b",
		"db":                         "",
		"a=db&redirect=%2Fweb?db=1":  "a=db&redirect=%2Fweb?db=1",
		"dbx=1&xdb=2&DB=3&+db=4":     "dbx=1&xdb=2&DB=3&+db=4",
		"d%2562=1":                   "d%2562=1",
		"a=1;db=beta":                "",
		"db=1&db=2&":                 "",
		"&a=1&&":                     "&a=1&&",
		"%zz=1&db=2":                 "%zz=1",
		"domain=%5B%5D&session_id":   "domain=%5B%5D",
		"access_token=x&session_id=": "access_token=x",
	} {
		got, changed := CleanQuery(in)
		if got != want || changed != (got != in) {
			t.Errorf("CleanQuery(%q) = %q, %v; want %q", in, got, changed, want)
		}
	}
}

func FuzzCleanQuery(f *testing.F) {
	for _, s := range []string{"db=a", "a=1&%64b=x", "session%5fid=1;x", "a;db=2", "%&%d", "d%2562"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		clean, _ := CleanQuery(raw)
		for _, pair := range strings.FieldsFunc(clean, func(r rune) bool { return r == '&' || r == ';' }) {
			key, _, _ := strings.Cut(pair, "=")
			if name, err := url.QueryUnescape(key); err == nil && (name == "db" || name == "session_id") {
				t.Fatalf("%q stayed in %q", name, clean)
			}
		}
		kept := strings.Split(clean, "&")
		all := strings.Split(raw, "&")
		for _, pair := range kept {
			if clean != "" && !slices.Contains(all, pair) {
				t.Fatalf("%q was made up", pair)
			}
		}
	})
}

func TestDBFilter(t *testing.T) {
	for database, want := range map[string]string{
		"acme": `^acme\Z`, "a.c": `^a\.c\Z`, "acme_v19": `^acme_v19\Z`, "a-b": `^a\-b\Z`, "a|b": `^a\|b\Z`, "(": `^\(\Z`, "a\nb": "^a\\\nb\\Z",
	} {
		if got := DBFilter(database); got != want {
			t.Errorf("DBFilter(%q) = %q, want %q", database, got, want)
		}
	}
}

func TestPathsThatNeedAUser(t *testing.T) {
	for path, want := range map[string]bool{
		"/web": true, "/web/": true, "/odoo": true, "/odoo/sales": true, "/my/orders/1": false, "/my/home": true, "/fr/my": true,
		"/web/dataset/call_kw/res.partner/read": true, "/web/login": false, "/": false, "/shop": false, "/web/health": false, "/myself": false,
	} {
		if got := NeedsUser(path); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
	for path, want := range map[string]string{
		"/web/hook/0a1b-2c": "0a1b-2c", "/web/hook/0a1b/": "0a1b", "/web/hook/": "", "/web/hook/a/b": "", "/web/hooks/a": "",
		"/web/hook/" + strings.Repeat("x", 200): "",
	} {
		if got := HookToken(path); got != want {
			t.Errorf("%s: got %q", path, got)
		}
	}
}
