// Package defaults holds the one default that the ACME client sets. DNS operations never
// wait for a state, so the value is kept and not read.
package defaults

import "github.com/sacloud/iaas-api-go/defaults"

// DefaultStatePollingTimeout is how long the vendor's library waits for a resource.
var DefaultStatePollingTimeout = defaults.DefaultStatePollingTimeout
