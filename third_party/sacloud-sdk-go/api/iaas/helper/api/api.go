// Package api gives sacloud-sdk-go's option helpers on top of iaas-api-go.
package api

import (
	client "github.com/sacloud/api-client-go"
	"github.com/sacloud/iaas-api-go/helper/api"
)

// The types under the names of the successor module.
type (
	CallerOptions = api.CallerOptions
	ClientOptions = client.Options
)

// DefaultOption and MergeOptions are the vendor's own.
var (
	DefaultOption = api.DefaultOption
	MergeOptions  = api.MergeOptions
)
