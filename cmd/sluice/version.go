package main

// Stamped with -ldflags "-X main.version=v1.2.3 -X main.commit=... -X main.date=...".
// What is not stamped is taken from what the toolchain wrote into the binary.
var version, commit, date string
