package cutover

// TakeOver makes another replica the driver. The one before finds that the record has changed
// under it and stops.
func (r Record) TakeOver(replica string) Record {
	n := r.clone()
	if c := n.Cutover; c != nil {
		c.Owner = replica
		c.Fence++
		c.Beat++
	}
	return n
}

// Beaten says that the driver lives.
func (r Record) Beaten() Record {
	n := r.clone()
	if n.Cutover != nil {
		n.Cutover.Beat++
	}
	return n
}
