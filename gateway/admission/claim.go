package admission

// SlotClaim is what a replica asks of a backend.
type SlotClaim struct {
	Backend string // pool/backend@identity
	Workers int
	Busy    int // slots in use now
	Demand  int // busy and waiting, most since the last claim
}

// SlotGrant is what it gets.
type SlotGrant struct {
	Slots    int // that this replica may use
	Replicas int // alive at that backend
}
