package redis

// scripts are made once: Redis names them by a hash of their text.
type scripts struct{ putPin, overwritePin, leaseSlots, beat, putRecord *Script }

func newScripts() scripts {
	return scripts{
		putPin:       NewScript("put_pin", putPinText),
		overwritePin: NewScript("overwrite_pin", putPinText),
		leaseSlots:   NewScript("lease_slots", leaseSlotsText),
		beat:         NewScript("beat", beatText),
		putRecord:    NewScript("put_record", putRecordText),
	}
}
