// Package report says what each gateway tells the others about itself with every beat, and
// what follows from all of that together: who has applied which decision, and what is left
// on a release over all gateways.
//
// A number is only as good as its worst source. A gateway that is silent, that has not
// heard of the tenant's record yet, or whose report cannot be read makes the sum unknown,
// and is named: never is it counted as nothing.
//
// Reports are sealed with the key ring: who can write to the store cannot tell a cutover
// that a release is empty.
package report
