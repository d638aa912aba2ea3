package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Record is one change. Whoever appends fills what stands above the line.
type Record struct {
	Actor     string `json:"actor"`
	Role      string `json:"role"`
	Client    string `json:"client,omitempty"` // address of who asked; the socket has none
	Operation string `json:"operation"`
	Tenant    string `json:"tenant,omitempty"`
	Target    string `json:"target"`
	Reason    string `json:"reason"`
	Body      string `json:"body,omitempty"`

	// The log fills these.
	Sequence uint64    `json:"sequence"`
	At       time.Time `json:"at"`
	Previous string    `json:"previous"` // hash of the record before; empty for the first of all
	Hash     string    `json:"hash"`     // of this one, with the field empty
}

// sealed is the record with its hash.
func (r Record) sealed() (Record, error) {
	hash, err := r.sum()
	r.Hash = hash
	return r, err
}

// sum is the hash of all but the hash.
func (r Record) sum() (string, error) {
	r.Hash = ""
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
