// Package iaas gives the names of sacloud-sdk-go's api/iaas package that the ACME
// client's SAKURA Cloud provider uses, on top of iaas-api-go, the same vendor's earlier
// module. The module proxy does not serve sacloud-sdk-go.
package iaas

import iaas "github.com/sacloud/iaas-api-go"

// The types of iaas-api-go under the names of its successor.
type (
	APICaller                = iaas.APICaller
	DNS                      = iaas.DNS
	DNSAPI                   = iaas.DNSAPI
	DNSRecord                = iaas.DNSRecord
	DNSRecords               = iaas.DNSRecords
	DNSUpdateSettingsRequest = iaas.DNSUpdateSettingsRequest
	FindCondition            = iaas.FindCondition
)

// The settings a caller may change before NewDNSOp. A Go alias of a variable would be a
// copy, so NewDNSOp hands them on.
var (
	APIDefaultZone     = iaas.APIDefaultZone
	DefaultUserAgent   = iaas.DefaultUserAgent
	SakuraCloudAPIRoot = iaas.SakuraCloudAPIRoot
	SakuraCloudZones   = iaas.SakuraCloudZones
)

// The functions that need no settings.
var (
	IsNotFoundError      = iaas.IsNotFoundError
	NewClientWithOptions = iaas.NewClientWithOptions
)

// NewDNSOp applies the settings of this package and returns the DNS operations.
func NewDNSOp(caller APICaller) DNSAPI {
	iaas.APIDefaultZone = APIDefaultZone
	iaas.SakuraCloudAPIRoot = SakuraCloudAPIRoot
	iaas.SakuraCloudZones = SakuraCloudZones
	return iaas.NewDNSOp(caller)
}
