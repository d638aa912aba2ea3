// Package gateway assembles the process and runs it. It makes every long-lived thing once
// (table, upstream side, spool space, listeners), hands each part what it needs, starts
// the parts that have a Run, and stops them in order: first the edge, which lets requests
// finish, then everything the requests needed.
//
// It holds no rule of its own; those live in routing, config, plugins and gateway/upstream.
package gateway
