package config

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestLoadInstall(t *testing.T) {
	install, problems := LoadInstall("testdata/install/sluice.yaml")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	spec := install.Spec
	for name, c := range map[string]struct{ got, want any }{
		"paths are relative to the file": {spec.Sources.Directory, Path("testdata/install/tenants")},
		"absolute ones stay":             {spec.SecretsFile, Path("/etc/sluice/keys")},
		"paths in lists too":             {spec.Admin.Tokens[0].TokenFile, Path("testdata/install/ops.token")},
		"the store":                      {spec.Store.Embedded.Path, Path("testdata/install/data/store")},
		"the data directory by default":  {spec.DataDir, Path("testdata/install/data")},
		"sizes":                          {spec.Spool.Response, Size(512 << 20)},
		"a bare address":                 {spec.TrustedProxies[1].String(), "192.0.2.7/32"},
		"the log":                        {spec.Log, Log{Level: "debug", Format: "json"}},
		"our listeners":                  {install.Listeners(), []string{"127.0.0.1:9080", ":8080", ":8443"}},
		"Traefik's part, as written": {spec.Traefik, Raw{
			"entryPoints": map[string]any{
				"web":       map[string]any{"address": ":8080"},
				"websecure": map[string]any{"address": ":8443", "http": map[string]any{"tls": map[string]any{}}},
			},
			"log": map[string]any{"level": "INFO"},
		}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %#v, want %#v", name, c.got, c.want)
		}
	}
}

const guid = "11111111-2222-3333-4444-555555555555"

func TestWhoMayCallTheAdminAPI(t *testing.T) {
	install, problems := ParseInstall("sluice.yaml", `apiVersion: sluicegate.dev/v1alpha1
kind: Install
spec:
  sources: {directory: x}
  admin:
    tokens: [{name: acme, role: operator, tokenFile: x, tenants: [acme, acme-*]}]
    entra: {tenantId: `+guid+`, audience: x, roles: {Sluice.Operate: operator}, authority: https://login.microsoftonline.us}
`)
	if install == nil || len(problems) > 0 {
		t.Fatalf("got %s", problems)
	}
	admin := install.Spec.Admin
	if got := admin.Tokens[0].Tenants; !slices.Equal(got, []string{"acme", "acme-*"}) || admin.Entra.Roles["Sluice.Operate"] != "operator" {
		t.Errorf("got %v and %+v", got, admin.Entra)
	}
}

func TestInstallProblems(t *testing.T) {
	const head = "apiVersion: sluicegate.dev/v1alpha1\nkind: Install\nspec:\n  sources: {directory: x}\n"
	for name, c := range map[string]struct{ text, says string }{
		"nothing":           {"", "there is no document of kind Install"},
		"no source":         {strings.Replace(head, "sources: {directory: x}", "log: {level: info}", 1), "say where tenants are declared"},
		"kubernetes":        {strings.Replace(head, "directory: x", "kubernetes: {namespaces: [a]}", 1), "the kubernetes source is not in this version yet"},
		"a tenant in it":    {head + "---\n" + declared(1, "h"), "a Pool does not belong to the install settings"},
		"twice":             {head + "---\n" + head, "install settings are here a second time"},
		"everybody trusted": {head + "  trustedProxies: [0.0.0.0/0]\n", "would let every client choose its own address"},
		"host bits":         {head + "  trustedProxies: [10.0.0.1/8]\n", `want a network such as 10.0.0.0/8 or an address such as 192.0.2.7, got "10.0.0.1/8"`},
		"a port":            {head + "  publicPorts: {web: 70000}\n", "port 70000 is not between 1 and 65535"},
		"a role":            {head + "  admin: {tokens: [{name: a, role: root, tokenFile: x}]}\n", `want one of viewer, operator, admin, got "root"`},
		"a token's file":    {head + "  admin: {tokens: [{name: a, role: viewer}]}\n", "tokens[0].tokenFile: is required"},
		"two tokens":        {head + "  admin: {tokens: [{name: a, role: viewer, tokenFile: x}, {name: a, role: viewer, tokenFile: y}]}\n", `two tokens are called "a"`},
		"no tenants":        {head + "  admin: {tokens: [{name: a, role: viewer, tokenFile: x, tenants: []}]}\n", "an empty list would let the token see all of them"},
		"a tenant's name":   {head + "  admin: {tokens: [{name: a, role: viewer, tokenFile: x, tenants: ['[']}]}\n", `tokens[0].tenants[0]: "[" is no pattern`},
		"any directory":     {head + "  admin: {entra: {tenantId: common, audience: x, roles: {A: viewer}}}\n", `"common" is no id of a directory`},
		"nobody's role":     {head + "  admin: {entra: {tenantId: " + guid + ", audience: x, roles: {}}}\n", "no app role lets anybody in"},
		"an app's role":     {head + "  admin: {entra: {tenantId: " + guid + ", audience: x, roles: {A: root}}}\n", `"root" is none of viewer, operator, admin`},
		"no audience":       {head + "  admin: {entra: {tenantId: " + guid + ", roles: {A: viewer}}}\n", "entra.audience: is required"},
		"a plain authority": {head + "  admin: {entra: {tenantId: " + guid + ", audience: x, roles: {A: viewer}, authority: 'http://login.example'}}\n", "is no https address"},
		"an address":        {head + "  admin: {address: localhost}\n", "is not host:port"},
		"a size":            {head + "  spool: {memory: lots}\n", `want a size such as 64KiB, 128MiB or 1GiB, got "lots"`},
	} {
		install, problems := ParseInstall("sluice.yaml", c.text)
		if install != nil || !strings.Contains(problems.String(), c.says) {
			t.Errorf("%s: got %v; %s", name, install, problems)
		}
	}
	if install, problems := LoadInstall(filepath.Join(t.TempDir(), "none.yaml")); install != nil || !strings.Contains(problems.String(), "no such file") {
		t.Errorf("no file: %s", problems)
	}
}

func TestRedisProblems(t *testing.T) {
	const head = "apiVersion: sluicegate.dev/v1alpha1\nkind: Install\nspec:\n  sources: {directory: x}\n  store: {redis: "
	for name, c := range map[string]struct{ text, says string }{
		"one server is fine":               {"{address: 'redis:6379', username: sluice, passwordFile: pw, tls: {caFile: ca.pem}}", ""},
		"sentinels are fine":               {"{sentinel: {master: odoo, addresses: ['s1:26379', '[::1]:26379']}}", ""},
		"a cluster is fine":                {"{cluster: ['r1:6379', 'r2:6379']}", ""},
		"Azure Managed Redis is fine":      {"{address: 'x.westeurope.redis.azure.net:10000', tls: {}, entra: true}", ""},
		"a password without a user too":    {"{address: 'redis:6379', passwordFile: pw}", ""},
		"nowhere":                          {"{}", "say where Redis is, in one way"},
		"in two ways":                      {"{address: 'redis:6379', cluster: ['r1:6379']}", "say where Redis is, in one way"},
		"both stores":                      {"{address: 'redis:6379'}, embedded: {}", "the store is embedded or redis, not both"},
		"an address without a port":        {"{address: redis}", `"redis" is not host:port`},
		"a port that is none":              {"{cluster: ['r1:6379', 'r2:99999']}", `store.redis.cluster[1]: "r2:99999" is not host:port`},
		"a URL":                            {"{address: 'redis://redis:6379'}", "is not host:port"},
		"no sentinel":                      {"{sentinel: {master: odoo, addresses: []}}", "sentinel.addresses: is required"},
		"a sentinel without a port":        {"{sentinel: {master: odoo, addresses: [s1]}}", `"s1" is not host:port`},
		"a user without a password":        {"{address: 'redis:6379', username: sluice}", "a username needs a password"},
		"Entra ID and a password":          {"{address: 'redis:6379', tls: {}, entra: true, passwordFile: pw}", "come from Entra ID"},
		"Entra ID in the clear":            {"{address: 'redis:6379', entra: true}", "could read the token"},
		"Entra ID behind sentinels":        {"{sentinel: {master: m, addresses: ['s:1']}, tls: {}, entra: true}", "Azure has no sentinels"},
		"a client certificate without key": {"{address: 'redis:6379', tls: {certFile: c.pem}}", "keyFile"},
	} {
		t.Run(name, func(t *testing.T) {
			install, problems := ParseInstall("sluice.yaml", head+c.text+"}\n")
			switch {
			case c.says == "" && (install == nil || len(problems) > 0):
				t.Errorf("refused: %s", problems)
			case c.says == "" && install.Spec.Store.Embedded != nil:
				t.Error("the embedded store is on as well")
			case c.says != "" && (install != nil || !strings.Contains(problems.String(), c.says)):
				t.Errorf("got %v; %s", install, problems)
			}
		})
	}
}

func TestScalarsWriteWhatTheyRead(t *testing.T) {
	for text, into := range map[string]interface {
		scalar
		MarshalJSON() ([]byte, error)
	}{
		"2s": new(Duration), "1h30m": new(Duration), "250ms": new(Duration), "2h": new(Duration),
		"128MiB": new(Size), "64KiB": new(Size), "1000": new(Size), "600/m": new(Rate), "10.0.0.0/8": new(Prefix),
	} {
		if err := into.parse(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := into.MarshalJSON(); err != nil || string(got) != `"`+text+`"` {
			t.Errorf("%s was written as %s (%v)", text, got, err)
		}
	}
}
