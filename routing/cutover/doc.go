// Package cutover is the model of how a tenant is moved from one release to another: a saga
// of steps with deadlines and undo, that survives whoever drives it. It is pure: values in,
// values out; time comes in as an argument; nothing here asks, waits or logs.
//
// [Record] is all that was decided at runtime about one tenant. Replicas share it, each
// keeps a copy. [Record.Course] says what it means for requests. Commands of operators and
// ticks of the driver make a new record; [Merge] brings two that grew apart together again.
package cutover
