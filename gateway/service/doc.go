// Package service tells a service supervisor (systemd) how the gateway does: when it is ready,
// that it still lives, and that it stops. Without a supervisor it does nothing.
package service
