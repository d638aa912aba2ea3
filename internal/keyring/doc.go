// Package keyring holds the secret keys of a gateway: one file, made at the first start,
// shared by replicas that share a store. The first key signs, every key verifies, so that a
// new key can be put in front while what the old one signed is still good.
//
// Keys are never used as they are: For derives one for each purpose, so that what was made
// for one cannot be passed off as another.
package keyring
