// Package demo is what `sluice demo` starts: stand-in Odoo servers in this process, a
// working directory that describes them, and a gateway in front. sample.go says which
// tenants there are, files.go writes the documents, demo.go runs it all, announce.go tells
// the person what to try.
//
// The gateway comes in as a function, so that the package builds without it. The documents
// are ordinary ones: what works here works outside.
package demo
