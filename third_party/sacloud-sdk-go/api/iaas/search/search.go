// Package search gives sacloud-sdk-go's search words on top of iaas-api-go.
package search

import "github.com/sacloud/iaas-api-go/search"

// Filter is the condition of a search.
type Filter = search.Filter

// Key and ExactMatch build one condition.
var (
	Key        = search.Key
	ExactMatch = search.ExactMatch
)
