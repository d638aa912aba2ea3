// Package conduct drives cutovers: it does in the world what the model in routing/cutover
// says is wanted, and tells the model what it found.
//
// A [Conductor] watches all running cutovers. One replica owns each: it ticks the model,
// runs its checks, calls its webhooks and says by the record's beat that it lives. The others
// watch; when the beat stands still for five seconds of their own clock, one takes over, with
// a higher fence. Whatever the owner has found out beyond the record can be found out again,
// so it may die at any moment.
//
// It also looks after tenants with a standby, and keeps the signed reports of cutovers that
// have ended. It decides nothing about requests: that is what records and courses are for.
package conduct
