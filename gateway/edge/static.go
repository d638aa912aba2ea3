package edge

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"github.com/traefik/paerser/file"
	traefikcmd "github.com/traefik/traefik/v3/cmd"
	"github.com/traefik/traefik/v3/cmd/healthcheck"
	"github.com/traefik/traefik/v3/pkg/config/static"
)

// Static is Traefik's install configuration as Sluice runs it: what the operator wrote,
// with our defaults where nothing was written.
type Static struct {
	conf static.Configuration
}

// LoadStatic reads the text under spec.traefik. Variables of environ that begin with
// TRAEFIK_ lie on top of it, named as Traefik documents them. trusted are the networks of
// spec.trustedProxies. The warnings name every hardening that the operator relaxed.
func LoadStatic(raw map[string]any, environ []string, trusted []netip.Prefix) (*Static, []string, error) {
	said, err := withEnvironment(raw, environ)
	if err != nil {
		return nil, nil, err
	}
	s := &Static{conf: traefikcmd.NewTraefikConfiguration().Configuration}
	if err := decode(said, &s.conf); err != nil {
		return nil, nil, err
	}
	warnings, err := s.harden(said)
	if err != nil {
		return nil, nil, err
	}
	warnings = append(warnings, s.trust(trusted)...)
	s.conf.SetEffectiveConfiguration()
	if err := s.conf.ValidateConfiguration(); err != nil {
		return nil, nil, fmt.Errorf("spec.traefik: %w", err)
	}
	return s, warnings, nil
}

// CheckHealth asks the running gateway's ping endpoint, as Traefik's healthcheck command
// does.
func (s *Static) CheckHealth() error {
	resp, err := healthcheck.Do(s.conf)
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return fmt.Errorf("ping: %s", resp.Status)
	}
	return nil
}

// decode fills conf from tree. Traefik's decoder reports unknown fields, except at the root,
// where it skips them: those are found here.
func decode(t tree, conf *static.Configuration) error {
	for key := range t {
		if !isRootField(key) {
			return fmt.Errorf("spec.traefik: field not found: %s", key)
		}
	}
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("spec.traefik: %w", err)
	}
	if err := file.DecodeContent(string(text), ".json", conf); err != nil {
		return fmt.Errorf("spec.traefik: %w", err)
	}
	return nil
}

func isRootField(name string) bool {
	root := reflect.TypeFor[static.Configuration]()
	for i := range root.NumField() {
		if strings.EqualFold(root.Field(i).Name, name) {
			return true
		}
	}
	return false
}
