// Package config turns documents into the snapshot that requests are served by.
//
// A source (package file) splits its files into resources with Parse; each is decoded and
// checked on its own. Compile puts the resources together with the previous snapshot and
// returns the next one; it is pure: values in, values out, no files, no clock. Live holds
// the current snapshot behind one pointer and tells those who want to know.
//
// decode -> validate -> compile -> swap, each in its own file. Nothing after the swap can
// fail. What does not compile keeps its last good version and is reported as a Problem
// with file, line and a sentence; what cannot be read changes nothing.
//
// The package never serves anything laxer than what was declared: a tenant that asks for
// something this version cannot enforce is refused, not served without it.
package config
