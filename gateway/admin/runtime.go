package admin

import (
	"context"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing/cutover"
)

// Runtime is what the API asks of those who keep and carry out decisions at runtime.
type Runtime interface {
	// Tenant is a tenant's record and a digest of its decisions.
	Tenant(name string) (rec cutover.Record, version string)
	// Pool is a pool's.
	Pool(name string) (rec cutover.Pool, version string)
	// Version and PoolVersion are the digests of such records.
	Version(rec cutover.Record) string
	PoolVersion(rec cutover.Pool) string
	All() []cutover.Record
	Pools() []cutover.Pool
	// Change decides about a tenant; shared is false while the store is away, and this gateway
	// alone follows. What decide refuses is returned as it is.
	Change(ctx context.Context, tenant string, decide func(cutover.Record) (cutover.Record, error)) (rec cutover.Record, shared bool, err error)
	ChangePool(ctx context.Context, pool string, decide func(cutover.Pool) (cutover.Pool, error)) (rec cutover.Pool, shared bool, err error)
	Shared(tenant string) bool
	// Laggards are the gateways that do not follow a tenant's record of that sequence yet.
	Laggards(tenant string, sequence uint64) []string
	// PoolLaggards are those that have not heard of a pool's.
	PoolLaggards(pool string, sequence uint64) []string
	// Remainder is what is going on with a tenant, over all gateways. Sessions that were quiet
	// for longer than idle are not counted.
	Remainder(tenant string, idle time.Duration) api.Remainder
	// Plan is how a tenant moves when nobody says otherwise.
	Plan(tenant string, strategy cutover.Strategy) cutover.Plan
	// Calendar says whether a planned cutover of a tenant may begin, else why not, and when.
	Calendar(tenant string, now time.Time) (ok bool, why string, next time.Time)
	Calendars(now time.Time) []api.Calendar
	// Subscribe returns a channel that has a value after a record has changed.
	Subscribe() (changed <-chan struct{}, stop func())
	// Report is that of a cutover that has ended, signed JSON or Markdown; false: there is none.
	Report(tenant, id string, markdown bool) (text []byte, ok bool)
	// Export is the document of a tenant with another active release.
	Export(tenant, active string) (string, error)
	// Outgoing says why an address must not be called.
	Outgoing(url string) error
}

// Answers keeps what was answered under an Idempotency-Key where the other gateways find it.
type Answers interface {
	Answer(ctx context.Context, name string) (text []byte, ok bool)
	KeepAnswer(ctx context.Context, name string, text []byte)
}

// Auditor writes down who changes what, before it is changed.
type Auditor interface {
	Append(r api.AuditRecord) (api.AuditRecord, error)
	Read(wanted func(api.AuditRecord) bool, since time.Time, limit int) ([]api.AuditRecord, error)
}
