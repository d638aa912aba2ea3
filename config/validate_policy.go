package config

import "strings"

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
