package audit

// Verify walks the chain of the log in a folder, which may be one that a gateway writes to.
// Nothing is changed: what has no end yet is left alone.
func Verify(dir string) (records int, err error) { return (&Log{dir: dir}).Verify() }
