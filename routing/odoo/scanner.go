package odoo

// Bounds of what a scanner keeps. PostgreSQL's names end at 63 bytes and Odoo's models
// well before 128; a credential is an API key of 40 signs or a password.
const (
	maxDepth      = 64
	maxName       = 128
	maxCredential = 4096
)

// Scanner reads an RPC body or a sign-in in one pass, in chunks of any size, and keeps no
// more than the few names that decide. It decides as CPython's json and xmlrpc.client do,
// and refuses what those read by accident or what another parser would read differently.
// Once it has refused, every further Write returns the same error.
type Scanner struct {
	// Credential, when set, is handed the password or API key of a call once, from Close.
	// The bytes are wiped afterwards: hash them, do not keep them.
	Credential func([]byte)

	kind    Kind
	service string // of an XML-RPC path
	model   string // of a JSON-2 path
	method  string
	unsure  bool // a JSON-2 body that we cannot read
	offset  int64
	err     error
	f       fields
	json    jsonScan
	xml     xmlScan
	form    formScan
}

// NewScanner returns a scanner of one body.
func NewScanner(kind Kind) *Scanner {
	s := &Scanner{}
	s.Reset(kind)
	return s
}

// NewScannerFor returns a scanner when the body of such a request must be scanned. Unlike
// NewScanner it knows the service that an XML-RPC path names.
func NewScannerFor(path, method, contentType string) (*Scanner, bool) {
	kind, ok := ScanKind(path, method, contentType)
	if !ok {
		return nil, false
	}
	s := NewScanner(kind)
	switch kind {
	case XMLRPC:
		s.service = XMLRPCService(path)
	case JSONTwo:
		s.model, s.method, _ = JSON2Call(path)
	}
	return s, true
}

// Reset makes s ready for another body, for those who pool scanners.
func (s *Scanner) Reset(kind Kind) {
	s.kind, s.service, s.offset, s.err, s.Credential = kind, "", 0, nil, nil
	s.model, s.method, s.unsure = "", "", false
	s.f.reset()
	s.json.reset()
	s.xml.reset()
	s.form.reset()
}

// Write scans the next bytes of the body. It is an io.Writer, so that a body can be
// spooled through it.
func (s *Scanner) Write(p []byte) (int, error) {
	if s.err != nil || len(p) == 0 {
		return 0, s.err
	}
	s.f.keepSecret = s.Credential != nil
	n, reason := 0, ReasonEncoding
	switch s.kind {
	case XMLRPC:
		n, reason = s.xml.scan(p, &s.f)
	case JSONRPC, JSONAuth:
		s.json.auth = s.kind == JSONAuth
		n, reason = s.json.scan(p, &s.f)
	case JSONTwo:
		s.scanTwo(p)
		return len(p), nil
	case LoginForm:
		n, reason = s.form.scan(p, &s.f)
	}
	s.offset += int64(n)
	if reason != "" {
		s.err = &BodyError{Reason: reason, Offset: s.offset}
		return n, s.err
	}
	return len(p), nil
}

// Close ends the body and says what it asks for. A body without a byte is Odoo's own
// error, not ours.
func (s *Scanner) Close() (Call, error) {
	if s.err != nil {
		s.f.wipe()
		return Call{}, s.err
	}
	if s.kind == JSONTwo {
		return s.closeTwo(), nil
	}
	if s.offset == 0 {
		return Call{Empty: true, Service: s.service}, nil
	}
	reason := ""
	switch s.kind {
	case XMLRPC:
		reason = s.xml.end()
	case JSONRPC, JSONAuth:
		reason = s.json.end()
	case LoginForm:
		reason = s.form.end(&s.f)
	}
	if reason == "" {
		reason = s.f.check(s.kind)
	}
	if reason != "" {
		s.f.wipe()
		s.err = &BodyError{Reason: reason, Offset: s.offset}
		return Call{}, s.err
	}
	call := s.f.call(s.kind)
	if call.Service == "" {
		call.Service = s.service
	}
	if s.Credential != nil && s.f.value[secretField].kind == kindText {
		s.Credential(s.f.secret)
	}
	s.f.wipe()
	return call, nil
}
