// Package entra signs in to Azure Managed Redis with an Entra ID token instead of a password:
// that of the pod's workload identity, or of the machine's managed identity.
//
// A token lives for about an hour, up to a day. It is renewed well before it ends, in the
// background, and connections that are open are signed in again with the new one: Azure cuts
// those that are not.
package entra
