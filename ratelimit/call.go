package ratelimit

import (
	"context"
	"errors"
	"time"
)

// Ledger keeps cells for all replicas.
type Ledger interface {
	// Do runs calls, each as one step, and writes the answers into them. A call that failed
	// has Err set: ErrNotSent when it certainly did nothing, anything else when that is not
	// known. Nothing is ever sent twice.
	Do(ctx context.Context, calls []*Call)
	// Healthy says whether a call has a chance. It must not block.
	Healthy() bool
	// Post tells every replica an order, Orders reads those after one position. The first
	// position is "".
	Post(ctx context.Context, o Order) error
	Orders(ctx context.Context, after string) (orders []Order, last string, err error)
}

// ErrNotSent says that a call did not reach the ledger.
var ErrNotSent = errors.New("the ledger was not asked")

// Call is one visit to the ledger by one replica, about cells of one scope. First the state
// of each cell is settled, then the asks are decided in their order, each all or nothing, then
// leases are handed out.
type Call struct {
	Scope   string
	Replica string
	Cells   []Cell
	Asks    []Ask

	Now int64 // answer: the ledger's clock, microseconds of Unix time
	Err error // answer
}

// Cell is one cell in a call, with what the replica says about it. Times are in microseconds.
type Cell struct {
	Name    string // unique in the scope
	Kind    Kind
	Rate    float64  // tokens per microsecond, Kind Rate
	Limit   int      // burst, quota or slots
	Reserve int      // of it, for priority asks only
	Bounds  [4]int64 // begins of four windows, Kind Windowed
	TTL     int64    // how long what is leased here lasts

	Have   int     // leased and unspent: the asks may use it
	Held   int     // leased and promised to requests, or slots in use
	Return int     // leased and given back
	Debt   int     // spent without a lease
	Refund int     // charged for nothing
	Since  int64   // when the first of it was charged, by the ledger's clock
	Want   int     // as many as there should be left after the asks
	Demand float64 // tokens per second, to share by
	Reset  bool    // forget what was spent

	Kept     int     // answer: of Have, what the asks left
	Got      int     // answer: newly leased
	Lease    int64   // answer: how long the lease lasts from now
	Free     float64 // answer: what is left for anybody; negative in debt
	Share    float64 // answer: this replica's part of the demand
	Replicas int     // answer: how many replicas ask for this cell
	Wait     int64   // answer: until a window ends
}

// Ask is one request in a call.
type Ask struct {
	Priority bool
	Needs    []Need

	Granted bool
	Short   []Short // answer: the cells that lack room; none when granted
}

// Short is a cell that lacks room for an ask.
type Short struct {
	Cell int
	Wait time.Duration // until it has; 0 when nobody knows
}

// Need is what an ask takes from one cell of its call.
type Need struct {
	Cell int
	Cost int
}
