package file

import (
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/config"
)

func TestSampleOfOneMachine(t *testing.T) {
	install, problems := config.LoadInstall("testdata/vm/sluice.yaml")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := config.Compile(Load(string(install.Spec.Sources.Directory)), nil, config.Options{Now: time.Now(), Listeners: install.Listeners()})
	if len(s.Problems) > 0 || len(s.Tenants) != 2 || len(s.Pools) != 2 {
		t.Errorf("%d tenants, %d pools; %s", len(s.Tenants), len(s.Pools), s.Problems)
	}
	if tenant, ok := s.Table.Resolve("eu.shop.acme.example"); !ok || tenant.Active.Pool.Backends[0].Workers != 6 {
		t.Errorf("got %+v", tenant)
	}
}

// Every document of the design's example is valid. Its tenant asks for policies, which this
// version refuses to leave out.
func TestSampleOfEveryKind(t *testing.T) {
	doc := Load("testdata/full")
	for _, r := range doc.Resources {
		if problems := r.Problems(); len(problems) > 0 {
			t.Error(problems)
		}
	}
	s := config.Compile(doc, nil, config.Options{Now: time.Now()})
	if len(doc.Resources) != 9 || len(s.Pools) != 4 || len(s.Tenants) != 0 {
		t.Errorf("%d documents, %d pools, %d tenants", len(doc.Resources), len(s.Pools), len(s.Tenants))
	}
	for _, words := range []string{
		"access policies are not enforced by this version; refusing to serve acme open",
	} {
		if !strings.Contains(s.Problems.String(), words) {
			t.Errorf("%q is not in %s", words, s.Problems)
		}
	}
}
