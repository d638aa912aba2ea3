// Command notice writes NOTICE: every module linked into the sluice binary, its licence,
// its copyright lines, and each licence text once.
//
//	go run ./internal/notice          # writes NOTICE
//	go run ./internal/notice -check   # fails when NOTICE is out of step
//
// What is linked comes from go list, for every platform we build, and the texts from the
// module cache, so the file cannot name a module that is not in the binary or miss one that
// is. A module without a licence, or with one that this program does not know or that would
// bind our own source, is an error: somebody has to read it first.
package main
