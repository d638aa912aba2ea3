// Package pins keeps the records of where sessions live: in the store, which all replicas
// share, and in memory, so that a session that is known costs no trip to the store.
//
// [Pins] is made by [New]; Run hears what other replicas record and tells the store which
// sessions are alive. Find and Keep are for the request path: where the client carries a pin
// they wait for the store for a few milliseconds, else for as long as a call may take, and
// without an answer the caller goes by the client's cookie.
// What becomes of the call is put to use when it comes.
//
// A record is signed for its session. What the store says without a good signature is
// counted and ignored. Sessions are called by an HMAC: neither the store nor memory holds an
// id that somebody could sign in with.
package pins
