// Package ratelimit decides whether one more request fits its limits, and when to come back.
//
// The words:
//
//   - policy: what holds: a rate with a burst, quotas for a calendar window, slots for what
//     runs at the same time. Any of the three, or all.
//   - charge: one policy, one key (whose budget it is) and a cost. A request brings several;
//     it passes when all of them fit, and nobody is charged for a refusal.
//   - cell: one limit of one key: its rate, one of its quotas, or its slots.
//   - ledger: where cells are kept: in this process (Memory), or in Redis for all replicas
//     (internal/store/redis runs Script). Both do the same arithmetic; a fuzz test holds
//     them together.
//   - lease: tokens that the ledger has handed to this replica ahead of their use.
//
// # Why it cannot admit too much
//
// The ledger charges a lease when it hands it out and remembers it as outstanding. Refill
// stops at burst less what is outstanding, so that what is spent and what may still be spent
// never exceed the burst together. Hence in any span the replicas admit at most burst + rate *
// span, whatever they do, and however wrong their clocks are: the ledger's clock is the only
// one that counts, and a replica lets a lease lapse by its own steady clock, counted from
// before it asked. A lease whose replica fell silent counts as spent.
//
// # Who does what
//
// Take answers from a lease in about a microsecond. Without one the request joins others that
// ask for the same cells; whatever waits goes in one call as soon as a flusher is free, and no
// timer is waited for. Cells with small limits, and strict policies, ask each time. Refusals
// are remembered for a moment, so that abuse costs the ledger little.
//
// A store that is away never fails a request: leases are spent, then each replica enforces its
// share (Policy.OnStoreLoss says otherwise), and owes the ledger what it let through.
//
// The caller decides who the client is. A claim that nobody has proved should be charged to a
// key that it shares with its like, or anybody can spend another's budget.
//
// This package knows nothing of tenants' configuration, HTTP or Redis. Scope is the tenant's
// name, or any other name from the configuration: it labels metrics, so it must never come
// from a request. Keys may: they are bounded in memory, and should be fingerprints, since
// they are shown to operators.
package ratelimit
