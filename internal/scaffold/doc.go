// Package scaffold writes the working directory of a new gateway: install settings and one
// tenant, with comments that say what can be changed. It checks its options with the same
// words that validation would use, and never overwrites a file.
package scaffold
