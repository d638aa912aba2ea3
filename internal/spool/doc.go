// Package spool holds bodies on their way: in memory first, then in a file on disk, within
// bounds for each body and for all of them together.
//
// Odoo's workers take one connection each and drop it after two seconds without progress.
// So a request is in hand before a worker is asked, and an answer is taken from the worker
// as fast as it comes, whatever the client's speed. The two uses:
//
//   - Body: a request body, filled in full, then read any number of times.
//   - Pipe: an answer on its way. One goroutine fills it at the worker's speed, another
//     drains it at the client's; only beyond memory and disk does the writer wait.
//
// Space is what they share: pooled chunks, the bounds, the folder of the files and the
// metrics. Files are unlinked when they are made, so that a crash leaves nothing behind.
// A small body is one pooled chunk, without a goroutine or a file.
package spool
