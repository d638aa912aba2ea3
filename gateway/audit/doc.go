// Package audit keeps who changed what, and why, in a file of JSON lines. Each record names
// the hash of the one before, so that a record that was changed, left out or put in shows. A
// change is written here, and forced to the disk, before it is made: one that cannot be
// written is not made.
package audit
