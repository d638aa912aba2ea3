// Package answer writes what the gateway answers itself: refusals, failures of a backend,
// maintenance. Each caller gets it in a form that it understands:
//
//   - XML-RPC a fault, JSON-RPC an error object, JSON-2 its own body, all under the real
//     status;
//   - Odoo's own web client plain text, which has it try again: it takes any other JSON body
//     than an error as a result, whatever the status. Limits and maintenance are errors with
//     words, because trying again at once does not help;
//   - people a page: one file without foreign parts, light and dark, that says what
//     happened, what to do, and the request id to quote;
//   - everybody else a line of text, or Problem Details (RFC 9457) from a limit and from a
//     maintenance page.
//
// The text comes from the caller and must hold no secrets; the cause of a failure belongs
// in the log. The package closes no connection and starts nothing.
package answer
