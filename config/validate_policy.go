package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *checker) accessPolicy(s *AccessPolicySpec) {
	if s.Entra == nil || c.broken("spec.entra") {
		return
	}
	given := 0
	credential := s.Entra.Credential
	for _, set := range []bool{credential.WorkloadIdentity, credential.SecretFile != "", credential.CertificateFile != ""} {
		if set {
			given++
		}
	}
	if given != 1 {
		c.fail("spec.entra.credential", "", "want exactly one of workloadIdentity, secretFile and certificateFile")
	}
	if a := s.Require.AuthContext; a != "" && (len(a) < 2 || a[0] != 'c' || strings.Trim(a[1:], "0123456789") != "") {
		c.fail("spec.require.authContext", "c1 to c99", "%q is not an authentication context", shorten(a))
	}
}

func (c *checker) calendar(s *CalendarSpec) {
	if s.TimeZone != "" && s.TimeZone != "UTC" && !strings.Contains(s.TimeZone, "/") {
		c.fail("spec.timeZone", "write it as Europe/Brussels", "%q is not a time zone", shorten(s.TimeZone))
	}
	for i, f := range s.Freezes {
		where := fmt.Sprintf("spec.freezes[%d]", i)
		from, ok := c.moment(where+".from", f.From)
		to, ok2 := c.moment(where+".to", f.To)
		if ok && ok2 && to.Before(from) {
			c.fail(where+".to", "", "%s is before %s", f.To, f.From)
		}
	}
	for i, w := range s.Windows {
		where := fmt.Sprintf("spec.windows[%d]", i)
		c.clock(where+".from", w.From)
		c.clock(where+".to", w.To)
		for j, day := range w.Days {
			if !slices.Contains(days(), day) {
				c.fail(fmt.Sprintf("%s.days[%d]", where, j), didYouMean(day, days()), "%q is not a day", shorten(day))
			}
		}
	}
}

func days() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

func (c *checker) moment(field, text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	if text != "" {
		c.fail(field, "", "want a day such as 2026-12-24 or a moment such as 2026-12-24T18:00, got %q", shorten(text))
	}
	return time.Time{}, false
}

func (c *checker) clock(field, text string) {
	if _, err := time.Parse("15:04", text); err != nil && text != "" {
		c.fail(field, "", "want a time such as 22:00, got %q", shorten(text))
	}
}
