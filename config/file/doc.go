// Package file reads declared resources from a directory of YAML and JSON files, and reads
// again what changes.
//
// A directory is a poor database: files are seen half written, empty for a moment, swapped
// through symbolic links or made by an editor for itself. So nothing is believed at once: a
// change is read when it has been quiet for a moment, a file that cannot be read in full
// removes nothing, and a slow poll catches what the operating system did not tell.
//
// Reading costs what changed: one file of ten thousand, or one document of a large file.
package file
